// The types: programs compile or don't, as test/types says, and what is declared is what is there.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import * as llmrouter from 'llmrouter';
import { run } from './support/child.mjs';
import { packageFolder } from './support/repository.mjs';

const tsc = join(packageFolder, 'node_modules/typescript/bin/tsc');
if (!existsSync(tsc)) throw new Error(`${tsc} is not there: run \`npm ci\` in bindings/node first`);

for (const [name, what] of [
  ['use', 'programs that use everything, and misuses that are refused'],
  ['bare', 'a program without the types of Node and of browsers'],
  ['lib', "the package's own sources"],
]) {
  test(`tsc: ${what}`, async () => {
    const { code, stdout } = await run(process.execPath, [tsc, '-p', `test/types/tsconfig.${name}.json`], { cwd: packageFolder });
    assert.equal(code, 0, stdout);
  });
}

test('what is declared is what is exported', () => {
  const ts = createRequire(import.meta.url)('typescript');
  const file = join(packageFolder, 'index.d.ts');
  const program = ts.createProgram([file], { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext });
  const checker = program.getTypeChecker();
  const resolved = (symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);
  const exports = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)));
  const values = exports.filter((symbol) => resolved(symbol).flags & ts.SymbolFlags.Value).map(({ name }) => name);
  const { default: _, ...named } = llmrouter;
  assert.deepEqual(values.sort(), Object.keys(named).sort());
});
