import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readManifest } from '../../src/plugins/manifest.ts';
import { encodeError } from '../../src/plugins/remote/wire.ts';
import { startTestServer, type TestServer } from '../api/server-harness.ts';
import { testHost } from '../support/plugin-host.ts';
import { readFromRoot, tableRows } from './page.ts';

const PAGE = readFromRoot('docs/writing-a-provider.md');
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

/** The page's blocks in one language, without the indent of a list that they are in. */
function blocks(language: string): string[] {
  const fenced = new RegExp(`^( *)\`\`\`${language}\n([\\s\\S]*?)^ *\`\`\`$`, 'gm');
  return [...PAGE.matchAll(fenced)].map(([, indent, text]) =>
    (text as string).replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
}

/** Free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('the commands of the page on providers, run one after the other', () => {
  let server: TestServer;
  let output: string;

  beforeAll(async () => {
    const [start = '', ...commands] = blocks('sh');
    const settings = Object.fromEntries(
      [...start.matchAll(/(SIGNALBOX_\w+)=(\S+)/g)].map(([, name, value]) => [name, value]),
    );
    expect(settings).toMatchObject({ SIGNALBOX_ALLOW_PRIVATE_URLS: '1' });
    server = await startTestServer({ environment: { SIGNALBOX_ALLOW_PRIVATE_URLS: '1' } });
    const port = await freePort();
    const script = commands
      .filter((each) => !each.includes('--test'))
      .join('\n')
      .replaceAll('http://127.0.0.1:4000', server.url)
      .replaceAll('4100', String(port))
      .replaceAll('data/plugins', server.app.config.pluginsDir)
      .replace(/(?<=export ROOT=).*/, server.rootKey)
      .replace(/^ask \$ROOT .*createWorkspace.*/m, (line) => `made=$(${line})`)
      .replace(/(?<=export KEY=).*/, `$(echo "$made" | grep -o 'sbx_[A-Za-z0-9_-]*')`)
      // The reader waits until the process has said where it is.
      .replace(
        /server\.ts &$/m,
        `$& \ncurl -s --retry 30 --retry-connrefused --retry-max-time 20 http://127.0.0.1:${port}/manifest >/dev/null`,
      );
    const environment = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` };
    const shell = `trap 'kill $(jobs -p)' EXIT\n${script}`;
    output = (await run('bash', ['-c', shell], { cwd: ROOT, env: environment, timeout: 50_000 })).stdout;
  });

  afterAll(() => server?.close());

  test('give the answers that the page shows', () => {
    const shown = blocks('json').map((text) => text.trim());
    expect(shown.length).toBeGreaterThan(1);
    for (const answer of shown) expect(output).toContain(answer);
    expect(output).toContain('"registerProviderPlugin":{"id":"shouter"');
    expect(output).toContain('You said: hello');
    expect(output).toContain('"dimensions":256');
  });

  test('are all taken: none is refused but the removal of a plugin that is in use', () => {
    const refused = output.split('\n').filter((line) => /"errors"|"code"|"issues"/.test(line));
    expect(refused).toEqual([expect.stringMatching(/"unregisterProviderPlugin":\{"code":"CONFLICT"/)]);
  });

  test('try a model that refuses a limit of tokens without one', () => {
    expect(output).toMatch(/"testIntegration":\{"ok":true,"sample":"SAY HELLO[^"]*","error":null/);
  });
});

describe('the code of the page on providers', () => {
  test('has the conformance subject as it is run, and it passes', async () => {
    expect(blocks('ts')).toContain(readFromRoot('examples/plugin-vendor/acme.test.ts'));
    const command = blocks('sh')
      .find((each) => each.includes('--test'))
      ?.trim() as string;
    const [program, flag = '', file = ''] = command.split(' ');
    expect(program).toBe('node');
    const environment = { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: undefined };
    const { stdout } = await run(process.execPath, [flag, '--test-reporter=tap', file], {
      cwd: ROOT,
      env: environment,
    });
    expect(stdout).toMatch(/^# fail 0$/m);
    expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(60);
    expect(stdout).toMatch(/# SKIP the vendor tells no tokens/);
  });

  test('ends calls when the provider is closed, and sends no later ones', async () => {
    const lines = blocks('ts').find((text) => text.startsWith('const signal')) as string;
    expect(lines.trim().split('\n')).toHaveLength(2);
    const body = `return (async () => { ${lines} })()`;
    const ask = new Function('call', 'host', 'url', 'headers', 'body', body) as (...given: unknown[]) => Promise<void>;
    let connections = 0;
    const silent = createServer(() => {
      connections += 1;
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(silent.address() as { port: number }).port}`;
    const host = testHost(ROOT);
    const call = { signal: new AbortController().signal, requestId: 'req_test' };
    const connected = new Promise((resolve) => silent.once('connection', resolve));
    const underWay = expect(ask(call, host, url, {}, '')).rejects.toMatchObject({ kind: 'unavailable' });
    await connected;
    host.end();
    await underWay;
    await expect(ask(call, host, url, {}, '')).rejects.toMatchObject({ kind: 'unavailable' });
    expect(connections).toBe(1);
    silent.close();
  });

  test('throws an error that the server knows', () => {
    const [, code] = /`(Object\.assign\(new Error\([^`]*)`/.exec(PAGE) ?? [];
    const thrown: unknown = new Function(`return ${code}`)();
    expect(encodeError(thrown)).toEqual({
      kind: 'rate_limited',
      message: 'slow down',
      status: 429,
      retryAfterMs: 2_000,
    });
  });
});

describe('the tables of the page on providers', () => {
  const knownFields = (manifest: object): string[] => {
    try {
      readManifest(manifest);
    } catch (error) {
      return (/known are (.*)$/.exec((error as Error).message)?.[1] ?? '').split(', ');
    }
    return [];
  };

  test('explain every field of a manifest, and every trait of an embedding model', () => {
    const rows = tableRows(PAGE, /^[a-z]\w+$/).map(([name]) => name);
    const base = {
      id: 'a-b',
      label: 'A',
      version: '1.0.0',
      specVersion: 1,
      capabilities: ['EMBED'],
      configSchema: { type: 'object' },
    };
    const embedding = {
      qqqqqqq: 1,
      maxBatch: 1,
      maxInputTokens: 1,
      chunkWords: 1,
      sameMeaning: 1,
      hybridVectorWeight: 1,
    };
    const fields = knownFields({ ...base, qqqqqqq: 1 });
    const traits = knownFields({ ...base, models: [{ name: 'm', capabilities: ['EMBED'], embedding }] });
    expect(fields.length).toBeGreaterThan(5);
    expect(traits.length).toBe(6);
    expect(rows).toEqual(expect.arrayContaining([...fields, ...traits]));
  });

  test('name kinds of errors that the server knows, all of them', () => {
    const rows = tableRows(PAGE, /^[a-z_]+$/).filter(([, , again]) => /^(yes|no)/.test(again ?? ''));
    expect(rows).toHaveLength(16);
    for (const [kind] of rows)
      expect(encodeError({ name: 'ProviderError', kind, message: 'm' })).toMatchObject({ kind });
  });
});
