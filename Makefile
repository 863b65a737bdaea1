# sk: one Makefile, not recursive. `make help` lists the targets.
#
# Variables: CC, PREFIX, DESTDIR, SANITIZE=1 (ASan and UBSan, into build-asan),
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
ifeq ($(FAULTS),1)
BUILD := $(BUILD)-faults
BIN := $(BUILD)/bin
EXTRA += -DSK_FAULTS
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
CURL = -lcurl

# ---- what is built ----------------------------------------------------------

# Rooms in the archive, lowest first; net is an archive of its own, because
# linking libcurl costs 6 ms at every start.
ROOMS = core json data faults sys cli store config agent consensus metrics \
	auth pipeline
LIB_SRC = $(foreach r,$(ROOMS),$(sort $(wildcard lib/$(r)/*.c)))
LIB_OBJ = $(LIB_SRC:%.c=$(BUILD)/%.o) $(BUILD)/gen/data.o
NET_SRC = $(sort $(wildcard lib/net/*.c))
PROGS = $(patsubst cmd/%.c,%,$(sort $(wildcard cmd/*.c)))
UNIT = $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/test_*.c)))
HELPERS = $(patsubst tests/tools/%.c,%,$(sort $(wildcard tests/tools/*.c)))
DATA = $(shell find lib/data -type f ! -name '*.[ch]' ! -name '*.awk' | \
	LC_ALL=C sort)

# Which library each program links (--as-needed drops what it does not use).
LIBS_sk =
LIBS_sk-auto = $(SQLITE) $(SODIUM)
LIBS_sk-branch = $(SQLITE) $(SODIUM)
LIBS_sk-config = $(SODIUM)
LIBS_sk-consensus = $(SQLITE) $(SODIUM)
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

$(BIN)/%: $(BUILD)/cmd/%.o $(BUILD)/libsk.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_$*) $(SODIUM) $(LDLIBS)

$(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/libsk.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(SQLITE) $(SODIUM) $(LDLIBS)

$(BUILD)/tools/%: $(BUILD)/tests/tools/%.o $(BUILD)/libsk.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(SQLITE) $(SODIUM) $(LDLIBS)

# One room and its unit test alone: make room-json
room-%:
	$(MAKE) --no-print-directory $(patsubst %.c,$(BUILD)/%.o,$(wildcard lib/$*/*.c))

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

.PHONY: all
.SECONDARY:
