/** A deployment that answers without a network, after `delayMs`. */
export const mock = (text, delayMs = 0) => `
model_list:
  - model_name: g
    litellm_params: {model: openai/m, mock_response: ${text}, mock_delay_ms: ${delayMs}}
    model_info: {id: one}
`;

/** A deployment at the fake provider, without retries. */
export const remote = (url) => `
model_list:
  - model_name: g
    litellm_params: {model: openai/m, api_base: '${url}/one/v1', api_key: sk-test-0123456789}
    model_info: {id: one}
router_settings: {num_retries: 0}
`;

export const request = { model: 'g', messages: [{ role: 'user', content: 'hi' }] };

/** The router, closed when the test is over. */
export function closing(t, router) {
  t.after(() => router.close());
  return router;
}
