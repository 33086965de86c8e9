// Builds the addon with the C++ compiler alone: Node-API's headers come from npm, the library from dist/.
//
//   node build.mjs [a further option of the compiler ...]
//
// CXX names the compiler, LLMROUTER_DIST the folder that `make sdk` has filled.

import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const dist = process.env.LLMROUTER_DIST ?? join(here, '../../dist');
const archive = join(dist, 'lib/libllmrouter.a');
if (!existsSync(archive)) {
  console.error(`build.mjs: ${archive} is not there: run \`make sdk\` first`);
  process.exit(1);
}

let headers;
try {
  headers = createRequire(import.meta.url)('node-api-headers').include_dir;
} catch {
  console.error('build.mjs: node-api-headers is not there: run `npm ci` first');
  process.exit(1);
}

const folder = join(here, 'prebuilds', `${process.platform}-${process.arch}`);
const addon = join(folder, 'llmrouter.node');
const fresh = `${addon}.new.${process.pid}`;
const sources = readdirSync(join(here, 'src')).filter((name) => name.endsWith('.cc'));

mkdirSync(folder, { recursive: true });
try {
  execFileSync(
    process.env.CXX ?? 'g++',
    [
      ...['-std=c++17', '-O2', '-fPIC', '-fvisibility=hidden', '-DNAPI_VERSION=8'],
      ...['-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Wconversion', '-Werror'],
      ...['-isystem', headers, '-I', join(dist, 'include')],
      ...sources.map((name) => join(here, 'src', name)),
      archive,
      // Nothing but Node-API's entry points leaves the addon; its threads may outlive the last `dlclose`.
      ...['-shared', `-Wl,--version-script=${join(here, 'src/exports.map')}`, '-Wl,--exclude-libs,ALL'],
      ...['-Wl,-z,nodelete', '-Wl,-z,now', '-Wl,--gc-sections', '-s'],
      // The C++ runtime of the machine that it was built on need not be that of the machine that it runs on.
      ...['-static-libstdc++', '-lgcc_s', '-lutil', '-lrt', '-lpthread', '-lm', '-ldl', '-lc'],
      ...process.argv.slice(2),
      ...['-o', fresh],
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  // Programs that have the old one open keep it.
  renameSync(fresh, addon);
  // What stands in the addon of others' goes along with it.
  copyFileSync(join(here, '../../THIRD_PARTY.md'), join(here, 'prebuilds/THIRD_PARTY.md'));
} catch (error) {
  rmSync(fresh, { force: true });
  // The compiler has said what is wrong.
  if (!(error instanceof Error && 'status' in error)) throw error;
  process.exit(1);
}
console.log(`${addon} is built`);
