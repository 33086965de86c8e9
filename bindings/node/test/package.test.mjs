// The package as its users meet it: packed, installed without a network, loaded both ways; the examples run in it.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import * as llmrouter from 'llmrouter';
import { run } from './support/child.mjs';
import { addon, inRepository, packageFolder } from './support/repository.mjs';

const require = createRequire(import.meta.url);
const { version } = require('llmrouter/package.json');

async function succeed(command, args, options) {
  const { code, signal, stdout, stderr } = await run(command, args, options);
  assert.equal(code, 0, `${command} ${args.join(' ')}: ${signal ?? code}\n${stdout}\n${stderr}`);
  return stdout;
}

test('ESM and CommonJS give the same objects', () => {
  const { default: _, ...named } = llmrouter;
  assert.deepEqual({ ...named }, { ...require('llmrouter') });
});

test("the version is the library's, and the repository's", () => {
  const [, cargo] = /^version *= *"(.*)"/m.exec(readFileSync(inRepository('Cargo.toml'), 'utf8'));
  assert.deepEqual([llmrouter.version, version], [cargo, cargo]);
});

test('a library with another ABI is refused', () => {
  const { checkAbi } = require('../lib/abi.js');
  const [v1, v2] = [0x10003, 0x20003];
  checkAbi(v1, v1);
  checkAbi(v1 + 1, v1);
  assert.throws(() => checkAbi(v1 - 1, v1), /ABI 1\.2, the addon needs 1\.3/);
  assert.throws(() => checkAbi(v2, v1), /ABI 2\.3/);
  assert.throws(() => checkAbi(v1, v2), /ABI 1\.3/);
  assert.equal(llmrouter.abiVersion >>> 16, 1);
});

test("the addon exports Node-API's entry points alone, and is never unloaded", async () => {
  const symbols = await succeed('nm', ['-D', '--defined-only', '--format=just-symbols', addon]);
  const names = symbols.trim().split('\n').sort();
  assert.deepEqual(names, ['napi_register_module_v1', 'node_api_module_get_api_version_v1']);
  const dynamic = await succeed('readelf', ['-dW', addon]);
  assert.match(dynamic, /NODELETE/);
  assert.doesNotMatch(dynamic, /NEEDED.*(libllmrouter|libstdc)/);
});

describe('installed from its tarball, offline', () => {
  const project = mkdtempSync(join(tmpdir(), 'llmrouter-node-'));
  const node = (...args) => succeed(process.execPath, args, { cwd: project });
  before(async () => {
    const env = { ...process.env, npm_config_cache: join(project, 'cache') };
    const npm = (cwd, ...args) => succeed('npm', [...args, '--offline', '--loglevel=error'], { cwd, env });
    const packed = JSON.parse(await npm(packageFolder, 'pack', '--json', '--pack-destination', project));
    const [{ filename, files }] = Array.isArray(packed) ? packed : Object.values(packed);
    const paths = files.map(({ path }) => path);
    assert.ok(paths.includes(`prebuilds/${process.platform}-${process.arch}/llmrouter.node`), paths.join());
    assert.deepEqual(paths.filter((path) => /^(src|test|node_modules)\//.test(path)), []);
    writeFileSync(join(project, 'package.json'), '{"private": true}');
    await npm(project, 'install', join(project, filename));
    cpSync(inRepository('examples/node'), project, { recursive: true, filter: (from) => !/package|node_modules/.test(from) });
  });
  after(() => rmSync(project, { recursive: true, force: true }));

  test('require and import', async () => {
    const cjs = 'console.log(require("llmrouter").version)';
    const esm = 'import { version } from "llmrouter"; console.log(version)';
    assert.equal(await node('-e', cjs), `${version}\n`);
    assert.equal(await node('--input-type=module', '-e', esm), `${version}\n`);
  });

  test('hello', async () => {
    const [text, metadata, ...rest] = (await node('hello.mjs')).split('\n');
    assert.equal(text, 'Hello from a deployment!');
    assert.equal(JSON.parse(metadata).deployment, 'my-first-deployment');
    assert.deepEqual(rest, ['']);
  });

  test('failover', async () => {
    const text = await node('failover.mjs', inRepository('examples/config/failover.yaml'));
    const attempts = text.split('\n').filter((line) => line.includes(' of ')).map((line) => line.trim().split(/\s+/).join(' '));
    assert.deepEqual(attempts, [
      'dead of gpt-4 APIConnectionError',
      'live of gpt-4 answered',
      'overloaded of gpt-4-turbo RateLimitError',
      'dead of gpt-4 APIConnectionError',
      'live of gpt-4 answered',
    ]);
    assert.equal(text.match(/router's own time: [\d.]+ ms/g).length, 2);
  });

  test('many', async () => {
    const text = await node('many.mjs', inRepository('examples/config/many.yaml'));
    const calls = (name) => Number(new RegExp(`^ +${name} +(\\d+)`, 'm').exec(text)[1]);
    const [east, west, spare] = ['east', 'west', 'spare'].map(calls);
    assert.equal(east + west + spare, 1000);
    // Five standard deviations of a fair draw with these weights.
    const within = (value, least, most) => assert.ok(value >= least && value <= most, text);
    within(east, 522, 678);
    within(west, 227, 373);
    within(spare, 52, 148);
    assert.match(text, / 0 failed;/);
  });

  test('explain', async () => {
    const text = await node('explain.mjs', inRepository('examples/config/explain.yaml'));
    const expected = readFileSync(inRepository('tests/bindings/explain.txt'), 'utf8');
    assert.equal(text.replace(/another [\d.]+ s/, 'another 60.0 s'), expected);
  });

  test('tools', async () => {
    const text = await node('tools.mjs', inRepository('examples/config/tools.yaml'));
    assert.equal(text, readFileSync(inRepository('tests/bindings/tools.txt'), 'utf8'));
  });

  test('caching', async () => {
    const text = await node('caching.mjs', inRepository('examples/config/caching.yaml'));
    assert.equal(text, readFileSync(inRepository('tests/bindings/caching.txt'), 'utf8'));
  });

  test('events', async () => {
    const text = await node('events.mjs', inRepository('examples/config/events.yaml'));
    assert.equal(text.replace(/[\d.]+ ms$/gm, '5.0 ms'), readFileSync(inRepository('tests/bindings/events.txt'), 'utf8'));
  });

  test('status', async () => {
    const text = await node('status.mjs', inRepository('examples/config/status.yaml'), '--once');
    assert.match(text, /^llmrouter .* 60 calls, 0 failed, \$0\.0\d+ spent$/m);
    assert.match(text, /^ {2}east +healthy +0 /m);
    assert.match(text, /^ {2}north +cooling \d+ s +ServiceUnavailableError +0 +failing /m);
    assert.match(text, / WARN {2}overloaded of gpt-4-turbo: RateLimitError/);
    assert.match(text, / INFO {2}gpt-4-turbo was answered by (east|west) of gpt-4/);
    assert.ok(!text.includes('\x1b'));
  });

  test('stream', async () => {
    const lines = (await node('stream.mjs')).split('\n');
    assert.deepEqual(lines.slice(0, 4), [
      'Hello, one piece at a time!',
      '    by steady, 30 tokens',
      'Hello',
      '    broke off: InternalServerError, status 529',
    ]);
    assert.ok('Hello, one piece at a time!'.startsWith(lines[4]));
    assert.deepEqual(lines.slice(5), ['    enough after 3 chunks', '']);
  });

  test('every example is run', () => {
    const programs = readdirSync(inRepository('examples/node')).filter((name) => name.endsWith('.mjs'));
    assert.deepEqual(programs.sort(), ['caching.mjs', 'events.mjs', 'explain.mjs', 'failover.mjs', 'hello.mjs', 'many.mjs', 'status.mjs', 'stream.mjs', 'tools.mjs']);
  });
});
