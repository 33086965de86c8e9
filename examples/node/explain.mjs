// What would happen to a request, without sending it: who would be asked, in which order, and who would not and why.
//
//   npm install llmrouter && node explain.mjs ../config/explain.yaml

import { Router } from 'llmrouter';

const router = Router.fromFile(process.argv[2] ?? 'examples/config/explain.yaml');
const request = { model: 'best', messages: [{ role: 'user', content: 'Hi' }] };

/** A reason behind a separator, if there is one. */
const because = (separator, reason) => (reason === null ? '' : separator + reason);

/** A line for each group, in the order in which they would be visited, and for each of its deployments. */
function explain(title) {
  const { resolved, groups } = router.explain(request);
  console.log(`${title} best is ${resolved.group}, by its ${resolved.how}`);
  for (const { name, skipped, deployments } of groups) {
    console.log(`    ${name}${because(': ', skipped)}`);
    for (const { id, share, skipped } of deployments) {
      console.log(`        ${id.padEnd(8)} ${(100 * share).toFixed().padStart(3)} %${because('  ', skipped)}`);
    }
  }
}

explain('before the first call:');
// It asks the old key, is refused, and goes on.
await router.completion(request);
explain('after it:');
await router.close();
