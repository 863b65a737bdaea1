/* SPDX-License-Identifier: MIT */
/* Money for sk-run: reserved before each call, booked with each answer. */
#include "pipeline/money.h"

static int
reserve(
    void *arg, struct sk_db *db, struct sk_money_call *c, struct sk_err *err)
{
	struct sk_money_join *j = arg;
	struct sk_call call = { .key = c->key,
		.attempt = c->attempt,
		.root = j->root,
		.adapter = c->adapter,
		.model = c->model,
		.prompt_bytes = c->prompt_bytes,
		.cost = -1 };
	int rc;

	j->meter.db = db;
	rc = sk_meter_reserve(&j->meter, &call, err);
	c->held = rc == 0 && j->meter.limited;
	return rc;
}

static int
settle(void *arg, struct sk_db *db, const struct sk_answer_row *row,
    size_t prompt_bytes, struct sk_err *err)
{
	struct sk_money_join *j = arg;
	struct sk_attempt_row r = { .key = row->key,
		.attempt = row->attempt,
		.started_ms = row->started_ms,
		.ended_ms = row->ended_ms,
		.status = row->ok ? "accepted" : "failed",
		.adapter = row->adapter,
		.model = row->model,
		.session = row->session,
		.meta_json = row->meta_json,
		.kind = row->failure_kind,
		.prompt_bytes = prompt_bytes,
		/* what did not run ended when it began */
		.ran = row->ok || row->exit_code >= 0 || row->signal > 0 ||
		       row->ended_ms > row->started_ms,
		.root = j->root };
	enum sk_booked what;

	j->meter.db = db;
	return sk_meter_book(&j->meter, &r, &what, err);
}

void
sk_money_begin(struct sk_money_join *j, const struct sk_config *conf,
    const char *unpriced, struct sk_ask *ask)
{
	sk_meter_init(&j->meter, NULL, conf);
	if (unpriced != NULL)
		j->meter.unpriced = sk_streq(unpriced, "allow");
	j->root = conf->project_root;
	j->hooks = (struct sk_money){ reserve, settle, j };
	ask->money = &j->hooks;
}

void
sk_money_end(struct sk_money_join *j)
{
	sk_meter_warn(&j->meter);
	sk_meter_free(&j->meter);
}
