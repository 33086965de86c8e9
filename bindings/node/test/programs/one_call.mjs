// One call and nothing after it: prints when the answer was there, and must end by itself soon after.
import { Router } from 'llmrouter';
import { mock, request } from '../support/configs.mjs';

const [closes, delayMs] = process.argv.slice(2);
const router = Router.fromYaml(mock('here', Number(delayMs)));
const answer = await router.completion(request);
if (closes === 'close') await router.close();
console.log(JSON.stringify({ text: answer.text, answeredAt: Date.now() }));
