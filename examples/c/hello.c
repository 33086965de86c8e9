/* One question, one answer, and who gave it. No key and no network: the deployment is a mock.
 *
 *   cc hello.c $(pkg-config --cflags --libs llmrouter) -o hello && ./hello
 */

#include <llmrouter.h>
#include <stdio.h>

static const char config[] =
    "model_list:\n"
    "  - model_name: gpt-4\n"
    "    litellm_params: {model: openai/gpt-4, mock_response: Hello from a deployment!}\n"
    "    model_info: {id: my-first-deployment}\n";

static const char question[] = "{\"model\": \"gpt-4\", \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}";

int main(void)
{
    router_error_t *error = NULL;
    router_response_t *answer = NULL;
    router_t *router = router_new_from_yaml(config, ROUTER_NUL_TERMINATED, &error);
    if (router != NULL)
        answer = router_completion(router, question, ROUTER_NUL_TERMINATED, &error);

    int failed = answer == NULL;
    if (!failed)
        printf("%s\n%s\n", router_response_text(answer, NULL), router_response_metadata(answer, NULL));
    else
        fprintf(stderr, "%s\n", router_error_message(error));

    router_response_free(answer);
    router_error_free(error);
    router_free(router);
    return failed;
}
