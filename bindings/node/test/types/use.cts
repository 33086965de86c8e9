// The same package by `require`.

import llmrouter = require('llmrouter');

const router: llmrouter.Router = llmrouter.Router.fromYaml('model_list: []');
const answer: Promise<llmrouter.Response> = router.completion({ model: 'm', messages: [] });
answer.catch((error: unknown) => error instanceof llmrouter.Timeout && error.code === 408);

// @ts-expect-error: there is no such export
llmrouter.Nothing;
