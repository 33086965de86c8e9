// A model calls a function: asked with tools, it answers with a call; the program makes the call and sends what came of
// it; another model puts that into words. The call is streamed, and put together from its pieces.
//
//   npm install llmrouter && node tools.mjs ../config/tools.yaml

import { Router } from 'llmrouter';

const router = Router.fromFile(process.argv[2] ?? 'examples/config/tools.yaml');
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const tools = [{ type: 'function', function: { name: 'get_weather', description: 'The weather in a city, now', parameters } }];
const messages = [{ role: 'user', content: 'What should I wear in Zürich today?' }];

/** The tools by name: a real one would ask a weather service. */
const functions = new Map([['get_weather', ({ city }) => `7 °C and rain in ${city}`]]);

/** What came of a call. What a model writes may be no JSON, or name a tool that there is not. */
function run({ name, arguments: json }) {
  try {
    return functions.get(name)(JSON.parse(json));
  } catch (error) {
    return String(error);
  }
}

const calls = await router.stream({ model: 'planner', messages, tools });
// The model's message goes back as it came, and behind it what came of each call.
const message = await calls.finalMessage();
messages.push(message);
for (const { id, function: call } of message.tool_calls ?? []) {
  console.log(`planner calls ${call.name} ${call.arguments}`);
  const content = run(call);
  console.log(`${call.name} finds ${content}`);
  messages.push({ role: 'tool', tool_call_id: id, content });
}

const answer = await router.completion({ model: 'writer', messages, tools });
console.log(`writer says ${answer.text}`);
await router.close();
