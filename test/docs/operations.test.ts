import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { readFromRoot, tableRows } from './page.ts';

const PAGE = readFromRoot('docs/operations.md');
const documented = tableRows(PAGE, /^[A-Z][A-Z0-9_]+$/).filter(([name]) => !name?.startsWith('POSTGRES'));

/** The variables of the settings' schema, the one place where the environment is read. */
function settingsOfTheCode(): string[] {
  const [, schema = ''] = /const SETTINGS = z\.object\(\{\n([\s\S]*?)\n\}\);/.exec(readFromRoot('src/config.ts')) ?? [];
  return [...schema.matchAll(/^ {2}([A-Z][A-Z0-9_]+):/gm)].map(([, name]) => name as string);
}

describe('the page on operations', () => {
  test('explains every setting, and none that there is not', () => {
    const settings = settingsOfTheCode();
    expect(settings.length).toBeGreaterThan(10);
    expect(documented.map(([name]) => name).sort()).toEqual(settings.sort());
  });

  test('names the defaults that the code has', () => {
    const defaults = Object.fromEntries(documented.map(([name, value]) => [name, value]));
    const config = readConfig({});
    expect(defaults.PORT).toBe(String(config.port));
    expect(defaults.HOST).toBe(config.host);
    expect(defaults.DATABASE_POOL_SIZE).toBe(String(config.databasePoolSize));
    expect(defaults.SIGNALBOX_DATA_DIR).toBe(config.dataDir);
    expect(defaults.SIGNALBOX_DEMO).toBe(config.demo ? '1' : '0');
    expect(defaults.SIGNALBOX_WORKER).toBe(config.worker ? '1' : '0');
    expect(defaults.SIGNALBOX_EMBEDDING_MODEL).toBe(config.embeddingModel);
    expect(defaults.OTEL_SERVICE_NAME).toBe(
      readConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }).telemetry?.serviceName,
    );
    expect(defaults.SIGNALBOX_UPLOAD_MAX_BYTES).toBe(String(config.uploadMaxBytes));
    expect(defaults.LOG_LEVEL).toBe(config.logLevel);
  });

  test('names the metrics of the server', () => {
    const sources = ['src/server/server-metrics.ts', 'src/observability/ai-metrics.ts'].map(readFromRoot).join();
    const metrics = [...sources.matchAll(/name: '((?:signalbox|ai)_\w+)'/g)].map(([, name]) => name as string);
    expect(metrics.length).toBeGreaterThan(0);
    expect(
      tableRows(PAGE, /^(signalbox|ai)_/)
        .map(([name]) => name)
        .sort(),
    ).toEqual(metrics.sort());
  });
});
