# sk: one Makefile, not recursive. `make help` lists the targets.
#
# Variables: CC, PREFIX, DESTDIR, SANITIZE=1 (ASan and UBSan, into build-asan;
# SANITIZE=leak: LSan alone, into build-leak),
# FAULTS=1 (development build with fail-points, into build-faults),
# COVERAGE=1 (gcov, into build-cov), WERROR=1.

VERSION = 0.1.0
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
DOCDIR ?= $(PREFIX)/share/doc/sk

CC = gcc
AR = ar
BUILD = build
BIN = bin
OPT = -O2 -g
WARN = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla \
	-Wformat=2 -Wundef -Wcast-qual
HARDEN = -fstack-protector-strong -fPIE -fcf-protection
FORTIFY = -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
LDHARDEN = -pie -Wl,-z,relro,-z,now,-z,noexecstack

ifeq ($(SANITIZE),1)
BUILD = build-asan
BIN = build-asan/bin
OPT = -O1 -g -fno-omit-frame-pointer
EXTRA = -fsanitize=address,undefined -fno-sanitize-recover=undefined
FORTIFY =
endif
ifeq ($(SANITIZE),leak)
BUILD = build-leak
BIN = build-leak/bin
EXTRA = -fsanitize=leak -DSK_LEAK
endif
ifeq ($(FAULTS),1)
BUILD := $(BUILD)-faults
BIN := $(BUILD)/bin
EXTRA += -DSK_FAULTS
LAST = $(BUILD)/libskfaults.a $(BUILD)/libsk.a
endif
ifeq ($(COVERAGE),1)
BUILD := build-cov
BIN := build-cov/bin
OPT = -O0 -g
EXTRA += --coverage
FORTIFY =
endif
ifeq ($(WERROR),1)
WARN += -Werror
endif

CPPFLAGS += -D_GNU_SOURCE -DSK_VERSION='"$(VERSION)"' -Ilib $(FORTIFY)
CFLAGS += -std=c17 $(OPT) $(WARN) $(HARDEN) $(EXTRA) \
	-ffile-prefix-map=$(CURDIR)=. -MMD -MP
LDFLAGS += $(LDHARDEN) $(EXTRA) -Wl,--as-needed

SQLITE = -lsqlite3
SODIUM = -lsodium

# ---- what is built ----------------------------------------------------------

# Rooms in the archive, lowest first; net is an archive of its own, above them.
ROOMS = core json data sys cli store config agent consensus metrics \
	auth pipeline
LIB_SRC = $(foreach r,$(ROOMS),$(sort $(wildcard lib/$(r)/*.c)))
LIB_OBJ = $(LIB_SRC:%.c=$(BUILD)/%.o) $(BUILD)/gen/data.o
NET_SRC = $(sort $(wildcard lib/net/*.c))
NET_OBJ = $(NET_SRC:%.c=$(BUILD)/%.o)
FAULT_SRC = $(sort $(wildcard lib/faults/*.c))
FAULT_OBJ = $(FAULT_SRC:%.c=$(BUILD)/%.o)
PROGS = $(patsubst cmd/%.c,%,$(sort $(wildcard cmd/*.c)))
UNIT = $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/test_*.c)))
HELPERS = $(patsubst tests/tools/%.c,%,$(sort $(wildcard tests/tools/*.c)))
DATA = $(shell find lib/data -type f ! -name '*.[ch]' ! -name '*.awk' | \
	LC_ALL=C sort)

# Which library each program links (--as-needed drops what it does not use).
LIBS_sk = $(SODIUM)
LIBS_sk-auto = $(SQLITE) $(SODIUM)
LIBS_sk-branch = $(SQLITE) $(SODIUM)
LIBS_sk-config = $(SODIUM)
LIBS_sk-consensus = $(SQLITE) $(SODIUM)
LIBS_sk-faults = $(SODIUM)
LIBS_sk-login = $(SODIUM)
LIBS_sk-metrics = $(SQLITE) $(SODIUM)
LIBS_sk-run = $(SQLITE) $(SODIUM)

all: $(PROGS:%=$(BIN)/%)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(BUILD)/gen/data.c: $(DATA) lib/data/embed.awk
	@mkdir -p $(@D)
	LC_ALL=C awk -f lib/data/embed.awk $(DATA) >$@.tmp && mv $@.tmp $@

$(BUILD)/gen/data.o: $(BUILD)/gen/data.c
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(BUILD)/libsk.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcsD $@ $^

$(BUILD)/libsknet.a: $(NET_OBJ)
	@rm -f $@
	$(AR) rcsD $@ $^

$(BUILD)/libskfaults.a: $(FAULT_OBJ)
	@rm -f $@
	$(AR) rcsD $@ $^

# The network's archive stands between the rooms that call it and those that it
# calls. Nobody links libcurl: it is loaded when somebody speaks HTTP.
ARCHIVES = $(BUILD)/libsk.a $(BUILD)/libskfaults.a $(BUILD)/libsknet.a
LINK = $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
	$(ARCHIVES) $(BUILD)/libsk.a $(LAST)

$(BIN)/%: $(BUILD)/cmd/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(LINK) $(LIBS_$*) $(LDLIBS)

$(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(LINK) $(SQLITE) $(SODIUM) $(LDLIBS)

$(BUILD)/tools/%: $(BUILD)/tests/tools/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(LINK) $(SQLITE) $(SODIUM) $(LDLIBS)

# One room alone: make room-json
room-%:
	$(MAKE) --no-print-directory \
	    $(patsubst %.c,$(BUILD)/%.o,$(wildcard lib/$*/*.c))

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# ---- Debian packages ------------------------------------------------------------

DEPS = gcc libc6-dev make git libsqlite3-dev libsodium-dev \
	libcurl4-openssl-dev
DEPS_CHECK = bats jq mandoc shellcheck clang-format zsh sqlite3 procps \
	openssl curl strace valgrind cmark-gfm libxml2-utils \
	json-schema-test-suite golang-github-burntsushi-toml-dev
DEPS_POWER = nbdkit libnbd-bin fuse3 e2fsprogs
DEPS_BENCH = hyperfine parallel curl xe
DEPS_COVERAGE = gcovr
DEPS_FUZZ = clang-14 libclang-rt-14-dev

# Installs what is missing of the packages named; does nothing, and asks nobody,
# when all are there or when this is no Debian.
define need
@command -v dpkg-query >/dev/null || exit 0; missing=; \
for p in $(1); do \
	dpkg-query -W -f='$${Status}' $$p 2>/dev/null | \
		grep -q 'ok installed' || missing="$$missing $$p"; \
done; \
[ -n "$$missing" ] || exit 0; \
echo "installing$$missing"; \
as=; [ "$$(id -u)" = 0 ] || as=sudo; \
$$as apt-get -qq update && $$as env DEBIAN_FRONTEND=noninteractive \
	apt-get -qq install -y --no-install-recommends $$missing >/dev/null
endef

deps:
	$(call need,$(DEPS))
deps-check:
	$(call need,$(DEPS) $(DEPS_CHECK))

# ---- running ---------------------------------------------------------------------

# The example specification through all six stages, with a database of its own.
demo: deps
	@echo 'building into $(BIN)/'
	@$(MAKE) --no-print-directory -s all
	@SK_DB=$(BUILD)/demo/sk.db $(BIN)/sk-auto run DEMO \
		--config docs/example/sk.toml --format text

unit: $(UNIT:%=$(BUILD)/unit/%)
tools: $(HELPERS:%=$(BUILD)/tools/%)

check: deps-check
	@echo 'building, then running every test'
	@$(MAKE) --no-print-directory -s all unit tools
	@$(MAKE) --no-print-directory -s FAULTS=1 SANITIZE= COVERAGE= all tools
	@SK_BIN=$(CURDIR)/$(BIN) SK_BUILD=$(CURDIR)/$(BUILD) tests/run $(TESTS)

check-asan:
	@$(MAKE) --no-print-directory SANITIZE=1 check

# What takes minutes: long races, long crashes.
check-slow: deps-check
	$(call need,$(DEPS_POWER))
	@$(MAKE) --no-print-directory -s all unit tools
	@$(MAKE) --no-print-directory -s FAULTS=1 SANITIZE= COVERAGE= all tools
	@SK_BIN=$(CURDIR)/$(BIN) SK_BUILD=$(CURDIR)/$(BUILD) \
		tests/run tests/slow/*.bats

# Submitters and drivers under kill -9, KILLS times, then the checker.
KILLS = 2000
storm: deps-check
	@$(MAKE) --no-print-directory -s all tools
	@$(MAKE) --no-print-directory -s FAULTS=1 SANITIZE= COVERAGE= all tools
	@STORM_KILLS=$(KILLS) STORM_SECONDS=86400 SK_BIN=$(CURDIR)/$(BIN) \
		SK_BUILD=$(CURDIR)/$(BUILD) \
		tests/run tests/sk-consensus-storm.bats

# One command of each tool with another system call failing, killed at another,
# with another allocation refused, and a look for leaks. POINTS=N takes N of each,
# spread evenly (0: all); SWEEP="auto/kill run/once" takes some; PART=1/2 every
# second one.
POINTS = 100
PART = 1/1
sweep: deps-check
	@$(MAKE) --no-print-directory -s all tools
	@$(MAKE) --no-print-directory -s FAULTS=1 SANITIZE=leak COVERAGE= all
	@SWEEP_POINTS=$(POINTS) SWEEP_PART=$(PART) SK_BIN=$(CURDIR)/$(BIN) \
		SK_BUILD=$(CURDIR)/$(BUILD) \
		SK_FAULTY_BIN=$(CURDIR)/build-leak-faults/bin \
		tests/sweep/run $(SWEEP)

# The plug is pulled CUTS times on a disk of our own.
CUTS = 10
power: deps-check
	$(call need,$(DEPS_POWER))
	@$(MAKE) --no-print-directory -s all tools
	@$(MAKE) --no-print-directory -s FAULTS=1 SANITIZE= COVERAGE= all tools
	@POWER_CUTS=$(CUTS) SK_BIN=$(CURDIR)/$(BIN) SK_BUILD=$(CURDIR)/$(BUILD) \
		tests/run tests/slow/power.bats

# Every way in which agents can fail, to a bound, through the real programs.
EXPLORE = --agents 3 --attempts 2
explore: deps
	@$(MAKE) --no-print-directory -s FAULTS=1 SANITIZE= COVERAGE= all
	@build-faults/bin/sk-faults explore $(EXPLORE) --format text

# Hostile agents with time and four gigabytes of output.
torture: deps-check
	@$(MAKE) --no-print-directory -s all
	@TORTURE_FLOOD=4000000000 TORTURE_TIME=60s SK_BIN=$(CURDIR)/$(BIN) \
		SK_BUILD=$(CURDIR)/$(BUILD) tests/run tests/torture.bats

# Real programs and services, on loopback; what is not to be had is skipped. The
# agents' programs come from the npm registry, once, into build/real.
check-real: deps-check
	@$(MAKE) --no-print-directory -s all tools
	@SK_BIN=$(CURDIR)/$(BIN) SK_BUILD=$(CURDIR)/$(BUILD) \
		tests/run tests/real/*.bats

lint:
	@tests/lint/run

coverage: deps-check
	$(call need,$(DEPS_COVERAGE))
	@find build-cov -name '*.gcda' -delete 2>/dev/null || true
	@$(MAKE) --no-print-directory COVERAGE=1 check
	gcovr --root . --filter lib/ --object-directory build-cov \
		--exclude lib/faults --print-summary --fail-under-line 80 \
		--output build-cov/coverage.txt

# PARTS: only these. AUDIT_MB: how much is stored and audited.
AUDIT_MB = 64
bench: deps
	$(call need,$(DEPS_BENCH))
	@$(MAKE) --no-print-directory -s all tools
	@AUDIT_MB=$(AUDIT_MB) tests/bench/run $(PARTS)

# How wrong the estimates are on what was recorded, and how right verdicts are.
QUALITY = ../shared/data/gsm8k-four-agents-300.jsonl
bench-quality: deps
	$(call need,jq)
	@$(MAKE) --no-print-directory -s all tools
	@$(BUILD)/tools/metrics_quality tests/data/metrics/prompts/*.txt
	@tests/bench/quality $(QUALITY)

# Each fuzz target for FUZZ_SECONDS, from the corpus in the tree.
FUZZ_SECONDS = 30
fuzz: deps
	$(call need,$(DEPS_FUZZ))
	@tests/fuzz/run $(FUZZ_SECONDS)

# ---- what is made from the option tables, and committed ----------------------------

gen: all
	@for p in $(PROGS); do \
		$(BIN)/$$p --dump mdoc | awk -f man/splice.awk \
			man/$$p.1.in - >man/$$p.1 && \
		$(BIN)/$$p completion bash >completions/$$p.bash && \
		$(BIN)/$$p completion zsh >completions/_$$p || exit; \
	done

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

# ---- installing ------------------------------------------------------------------------

PAGES1 = $(PROGS:%=man/%.1)
PAGES5 = $(sort $(wildcard man/*.5))
PAGES7 = $(sort $(wildcard man/*.7))

install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR)/man1 \
		$(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man7 \
		$(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR) $(DESTDIR)$(DOCDIR)
	install -m 755 $(PROGS:%=$(BIN)/%) $(DESTDIR)$(BINDIR)
	install -m 644 $(PAGES1) $(DESTDIR)$(MANDIR)/man1
	install -m 644 $(PAGES5) $(DESTDIR)$(MANDIR)/man5
	install -m 644 $(PAGES7) $(DESTDIR)$(MANDIR)/man7
	for p in $(PROGS); do \
		install -m 644 completions/$$p.bash $(DESTDIR)$(BASHDIR)/$$p && \
		install -m 644 completions/_$$p $(DESTDIR)$(ZSHDIR)/_$$p || exit; \
	done
	install -m 644 README.md docs/*.md $(DESTDIR)$(DOCDIR)

uninstall:
	rm -f $(PROGS:%=$(DESTDIR)$(BINDIR)/%) \
		$(PROGS:%=$(DESTDIR)$(MANDIR)/man1/%.1) \
		$(PAGES5:man/%=$(DESTDIR)$(MANDIR)/man5/%) \
		$(PAGES7:man/%=$(DESTDIR)$(MANDIR)/man7/%) \
		$(PROGS:%=$(DESTDIR)$(BASHDIR)/%) \
		$(PROGS:%=$(DESTDIR)$(ZSHDIR)/_%)
	rm -rf $(DESTDIR)$(DOCDIR)

dist:
	git archive --prefix=sk-$(VERSION)/ -o sk-$(VERSION).tar.gz HEAD

clean:
	rm -rf build build-asan build-faults build-asan-faults build-cov \
		build-leak build-leak-faults bin

help:
	@echo 'all        build the programs into bin/'
	@echo 'demo       install what is missing, build, run the example'
	@echo 'check      build and run every test (TESTS="a.bats" for some)'
	@echo 'check-asan the same under ASan and UBSan'
	@echo 'check-slow long races and crashes'
	@echo 'check-real real agents and services, on loopback'
	@echo 'storm      kill -9 among many processes (KILLS=2000)'
	@echo 'sweep      every failing call of one command of each tool (POINTS=0: all)'
	@echo 'power      the plug pulled in the middle (CUTS=10)'
	@echo 'explore    every way in which agents can fail (EXPLORE="-n 2")'
	@echo 'torture    hostile agents with time and gigabytes'
	@echo 'lint       the house rules'
	@echo 'coverage   the tests under gcov, lines of lib/'
	@echo 'bench      measure, beside peers (PARTS=consensus AUDIT_MB=1024)'
	@echo 'bench-quality  what estimates and verdicts are worth (QUALITY=FILE)'
	@echo 'fuzz       the readers under libFuzzer (FUZZ_SECONDS=30)'
	@echo 'gen        man pages and completions from the option tables'
	@echo 'format     clang-format'
	@echo 'install    PREFIX=/usr/local DESTDIR='
	@echo 'uninstall, dist, clean'

.PHONY: all deps deps-check demo unit tools check check-asan check-slow \
	check-real storm sweep explore power torture lint coverage \
	bench bench-quality fuzz gen format install uninstall dist clean help
.SECONDARY:
