// Who can be measured. Each is made for a task and returns `call`, which makes one call and rejects if it fails, and
// `close`. They are loaded when they are asked for: neither burdens the other's process.

export const contenders = { llmrouter, undici };

/** The router, from this repository's package. */
async function llmrouter({ config, request }) {
  const { Router } = await import('../../../bindings/node/index.mjs');
  const router = Router.fromFile(config);
  const call = async () => {
    const answer = await router.completionRaw(request);
    if (answer.body.length === 0) throw new Error('an answer without a body');
  };
  return { call, close: () => router.close() };
}

/** The floor: the same bytes through the client that Node's own `fetch` is made of. */
async function undici({ url, request, inFlight }) {
  const { Pool } = await import('undici');
  const { origin, pathname } = new URL(url);
  const pool = new Pool(origin, { connections: inFlight });
  const headers = {
    authorization: 'Bearer sk-bench-0123456789abcdef0123456789abcdef',
    'content-type': 'application/json',
  };
  const call = async () => {
    const answer = await pool.request({ path: pathname, method: 'POST', headers, body: request });
    const body = await answer.body.text();
    if (answer.statusCode !== 200 || body.length === 0) {
      throw new Error(`status ${answer.statusCode}, ${body.length} characters`);
    }
  };
  return { call, close: () => pool.close() };
}
