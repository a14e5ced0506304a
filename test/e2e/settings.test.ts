import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeDataDir, startProcess } from './server-process.ts';

let data: ReturnType<typeof makeDataDir>;
beforeAll(() => {
  data = makeDataDir();
  writeFileSync(join(data.path, 'no.json'), 'hello');
  writeFileSync(join(data.path, 'list.json'), '["{ __typename }"]');
});
afterAll(async () => {
  rmSync(join(data.path, 'root-key'), { force: true });
  await data.remove();
});

test.each<[Record<string, string> | (() => Record<string, string>), RegExp]>([
  [{ SIGNALBOX_DATA_DIR: '/proc/nope' }, /SIGNALBOX_DATA_DIR \/proc\/nope cannot be used: /],
  [{ SIGNALBOX_DATA_DIR: '/dev/null' }, /SIGNALBOX_DATA_DIR \/dev\/null cannot be used: /],
  [{ SIGNALBOX_DATA_DIR: '/etc/passwd/x' }, /SIGNALBOX_DATA_DIR \/etc\/passwd\/x cannot be used: /],
  [{ SIGNALBOX_LOCAL_WORKERS: '99' }, /SIGNALBOX_LOCAL_WORKERS must be 1 to 8/],
  [{ DATABASE_POOL_SIZE: '1' }, /DATABASE_POOL_SIZE must be 2 to 500/],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, /OTEL_EXPORTER_OTLP_ENDPOINT must be an http\(s\) url/],
  [{ OTEL_EXPORTER_OTLP_HEADERS: 'authorization' }, /OTEL_EXPORTER_OTLP_HEADERS must look like name=value/],
  [{ HOST: '8.8.8.8' }, /name one of its own in HOST/],
  [{ SIGNALBOX_TRUSTED_DOCUMENTS: '/nope.json' }, /SIGNALBOX_TRUSTED_DOCUMENTS cannot be read as JSON: ENOENT/],
  [
    () => ({ SIGNALBOX_TRUSTED_DOCUMENTS: join(data.path, 'no.json') }),
    /SIGNALBOX_TRUSTED_DOCUMENTS cannot be read as JSON/,
  ],
  [() => ({ SIGNALBOX_TRUSTED_DOCUMENTS: join(data.path, 'list.json') }), /SIGNALBOX_TRUSTED_DOCUMENTS must name/],
])('a setting that cannot be used (%#) is refused in one line', async (given, reason) => {
  const settings = typeof given === 'function' ? given() : given;
  const { code, stderr } = await startProcess({ SIGNALBOX_DATA_DIR: data.path, SIGNALBOX_DEMO: '0', ...settings })
    .ended;
  expect(stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(/^signalbox: /)]);
  expect(stderr).toMatch(reason);
  expect(code).toBe(1);
});
