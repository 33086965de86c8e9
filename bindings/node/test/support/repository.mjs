// Where things lie in this repository.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const packageFolder = fileURLToPath(new URL('../..', import.meta.url));

export const inRepository = (path) => fileURLToPath(new URL(`../../../../${path}`, import.meta.url));

const addon = `${packageFolder}prebuilds/${process.platform}-${process.arch}/llmrouter.node`;
if (!existsSync(addon)) throw new Error(`${addon} is not there: run \`make sdk\`, then \`node build.mjs\``);
export { addon };
