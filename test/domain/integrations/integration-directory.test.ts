import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { StoredIntegration } from '../../../src/domain/integrations/integration.ts';
import {
  IntegrationDirectory,
  NOTHING_CHOSEN,
  type OpenedProvider,
} from '../../../src/domain/integrations/integration-directory.ts';
import { UnavailableError } from '../../../src/shared/errors.ts';
import { scriptedProvider } from '../../support/scripted-provider.ts';

const REGISTRATION = {};

function stored(name: string, fields: Partial<StoredIntegration> = {}): StoredIntegration {
  return {
    ...{ id: `int_${name}`, workspaceId: 'ws_a', name, pluginId: 'scripted', config: {}, hasCredentials: false },
    ...{ credentials: null, fallbackId: null, isActive: true, createdAt: new Date(0), updatedAt: new Date(0) },
    ...fields,
  };
}

/** A directory over rows that a test changes. */
function directoryOver(
  rows: StoredIntegration[],
  open: (row: StoredIntegration) => Partial<OpenedProvider> = () => ({}),
  beforeLoad: () => Promise<void> = async () => undefined,
) {
  const opened: string[] = [];
  const closed: string[] = [];
  const directory = new IntegrationDirectory({
    builtIn: [],
    load: async () => {
      await beforeLoad();
      return { integrations: [...rows], settings: NOTHING_CHOSEN };
    },
    open: (row) => {
      opened.push(row.name);
      const close = async () => void closed.push(row.name);
      return { provider: scriptedProvider(), knownModels: [], registration: REGISTRATION, close, ...open(row) };
    },
    currentRegistration: () => REGISTRATION,
    onCloseFailed: (error) => {
      throw error;
    },
  });
  return { directory, opened, closed };
}

describe('the open providers of a workspace', () => {
  test('are kept while nothing of them changes', async () => {
    const { directory, opened } = directoryOver([stored('one')]);
    const [before] = (await directory.of('ws_a')).integrations;
    directory.forget('ws_a');
    const [after] = (await directory.of('ws_a')).integrations;
    expect(after).toBe(before);
    expect(opened).toEqual(['one']);
  });

  test('are opened anew where one was changed here, which the next call sees', async () => {
    const rows = [stored('one')];
    const { directory, opened } = directoryOver(rows);
    await directory.of('ws_a');
    rows[0] = stored('one', { config: { baseUrl: 'http://elsewhere' } as never });
    directory.forget('ws_a');
    await directory.of('ws_a');
    expect(opened).toEqual(['one', 'one']);
  });

  describe('where another server has changed one', () => {
    beforeEach(() => {
      vi.useFakeTimers({ now: Date.now(), toFake: ['Date'] });
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    test('are those of the change for the first call after a silence', async () => {
      const rows = [stored('one')];
      const { directory } = directoryOver(rows);
      await directory.of('ws_a');
      rows[0] = stored('one', { isActive: false });
      vi.setSystemTime(Date.now() + 5_000);
      const calls = await Promise.all([directory.of('ws_a'), directory.of('ws_a')]);
      expect(calls.map(({ integrations }) => integrations[0]?.isActive)).toEqual([false, false]);
    });

    test('are those from before while what is stored cannot be read', async () => {
      const rows = [stored('one')];
      let isDown = false;
      const { directory } = directoryOver(rows, undefined, async () => {
        if (isDown) throw new UnavailableError('the database is down');
      });
      await directory.of('ws_a');
      isDown = true;
      vi.setSystemTime(Date.now() + 60_000);
      expect((await directory.of('ws_a')).integrations).toHaveLength(1);
      vi.setSystemTime(Date.now() + 600_000);
      await expect(directory.of('ws_a')).rejects.toThrow('the database is down');
    });

    test('are those from before where what is stored does not answer, and only the first calls wait for it', async () => {
      const rows = [stored('one')];
      const answered = Promise.withResolvers<void>();
      let isSilent = false;
      const { directory } = directoryOver(rows, undefined, async () => (isSilent ? answered.promise : undefined));
      await directory.of('ws_a');
      isSilent = true;
      vi.setSystemTime(Date.now() + 60_000);
      await Promise.all([directory.of('ws_a'), directory.of('ws_a')]);
      const before = await directory.of('ws_a');
      expect(before.integrations[0]?.isActive).toBe(true);
      rows[0] = stored('one', { isActive: false });
      answered.resolve();
      await turn();
      expect((await directory.of('ws_a')).integrations[0]?.isActive).toBe(false);
    });
  });

  test('tell by their origin what answers: another address is another one, another time limit is not', async () => {
    const originOf = async (config: object) => {
      const { directory } = directoryOver([stored('one', { config: config as never })]);
      return (await directory.of('ws_a')).integrations[0]?.origin;
    };
    const first = await originOf({ baseUrl: 'http://a' });
    expect(await originOf({ baseUrl: 'http://a', retries: 5, timeouts: { idleMs: 500 } })).toBe(first);
    expect(await originOf({ baseUrl: 'http://b' })).not.toBe(first);
  });

  test('are not taken along by one that cannot be opened, whatever it throws', async () => {
    const { directory } = directoryOver([stored('broken'), stored('sound')], ({ name }) => {
      if (name === 'broken') throw new TypeError('the plugin is broken');
      return {};
    });
    const { integrations } = await directory.of('ws_a');
    expect(integrations.map(({ name, opened, problem }) => [name, opened !== null, problem])).toEqual([
      ['broken', false, expect.any(UnavailableError)],
      ['sound', true, null],
    ]);
  });

  test('that cannot be opened are not tried again until something changes', async () => {
    const { directory, opened } = directoryOver([stored('broken')], () => {
      throw new UnavailableError('no key');
    });
    for (let i = 0; i < 3; i++) {
      directory.forget('ws_a');
      await directory.of('ws_a');
    }
    expect(opened).toEqual(['broken']);
  });

  test('are all closed at the end, also those of workspaces that were pushed out meanwhile', async () => {
    const { directory, opened, closed } = directoryOver([stored('one')]);
    await Promise.all(Array.from({ length: 1_200 }, (_, i) => directory.of(`ws_${i}`)));
    await directory.close();
    expect(closed).toHaveLength(opened.length);
  });

  test('are all looked at again when a plugin changes', async () => {
    const rows = [stored('one')];
    const { directory } = directoryOver(rows);
    await Promise.all([directory.of('ws_a'), directory.of('ws_b'), directory.of('ws_c')]);
    rows.push(stored('two'));
    directory.forgetAll();
    for (const id of ['ws_a', 'ws_b', 'ws_c']) expect((await directory.of(id)).integrations).toHaveLength(2);
  });
});
