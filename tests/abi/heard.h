/* What a listener has heard, for the tests of events. */

#ifndef HEARD_H
#define HEARD_H

#include "check.h"

HELPER const char config[] = "model_list:\n"
                             "  - {model_name: good, litellm_params: {model: openai/m, mock_response: hello}, model_info: {id: g}}\n"
                             "  - {model_name: bad, litellm_params: {model: openai/m, mock_error: 500}, model_info: {id: b}}\n"
                             "router_settings: {num_retries: 0, disable_cooldowns: true}\n";

/* What one listener has heard. Race detectors don't see how the library hands this over: the counts are atomic, and what
 * reads them at the end has seen the last change. */
typedef struct {
    int attempts, calls, errors, warnings, others;
    int newest; /* the greatest number of a call whose end was heard */
    int out_of_turn;
    bool slow, inside;
} heard_t;

HELPER int get(const int *count)
{
    return __atomic_load_n(count, __ATOMIC_ACQUIRE);
}

/* Nobody is in it, and who was last has left: what it stood on may be used for something else. */
HELPER bool is_quiet(const heard_t *heard)
{
    return !__atomic_load_n(&heard->inside, __ATOMIC_ACQUIRE);
}

HELPER void add(int *count)
{
    __atomic_add_fetch(count, 1, __ATOMIC_ACQ_REL);
}

HELPER void hear(void *user_data, int32_t level, const char *json, size_t len)
{
    heard_t *heard = user_data;
    CHECK(!__atomic_exchange_n(&heard->inside, true, __ATOMIC_ACQ_REL)); /* one at a time */
    CHECK_INT(strlen(json), len);
    if (__atomic_load_n(&heard->slow, __ATOMIC_ACQUIRE))
        sleep_ms(5);
    if (level == ROUTER_LOG_ERROR)
        add(&heard->errors);
    else if (level == ROUTER_LOG_WARN)
        add(&heard->warnings);
    else
        CHECK_INT(level, ROUTER_LOG_INFO);
    if (member_is(json, "event", "attempt")) {
        add(&heard->attempts);
    } else {
        CHECK(member_is(json, "event", "call"));
        int number = (int)member_number(json, "call_id");
        int before = __atomic_exchange_n(&heard->newest, number, __ATOMIC_ACQ_REL);
        if (number < before) {
            add(&heard->out_of_turn);
            __atomic_store_n(&heard->newest, before, __ATOMIC_RELEASE);
        }
        add(&heard->calls);
    }
    if (!member_is(json, "requested_model", "good") && !member_is(json, "requested_model", "bad"))
        add(&heard->others);
    __atomic_store_n(&heard->inside, false, __ATOMIC_RELEASE);
}

HELPER void ask(const router_t *router, bool good)
{
    router_error_t *error = NULL;
    router_response_t *response = router_completion(router, good ? ASK("good") : ASK("bad"), NUL, &error);
    CHECK((response != NULL) == good);
    router_response_free(response);
    router_error_free(error);
}

/* Waits until a count is there, but not for ever. */
HELPER void wait_for(const int *count, int number)
{
    double end = now_ms() + 60000;
    while (get(count) < number) {
        if (now_ms() > end) {
            fprintf(stderr, "%d of %d after a minute\n", get(count), number);
            _exit(1);
        }
        sleep_ms(1);
    }
}

#endif
