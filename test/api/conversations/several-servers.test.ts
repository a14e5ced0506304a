import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { type TestDatabaseTarget, testDatabaseTarget } from '../../support/database.ts';
import { hasRedisServer, startTestRedis, type TestRedis } from '../../support/redis-server.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { ConversationClient, joined, type ToldEvent } from './conversation-client.ts';
import { PacedModels } from './paced-models.ts';

const KINDS = [
  { name: 'Postgres', isThere: true, startRedis: async () => null },
  { name: 'Redis', isThere: hasRedisServer(), startRedis: startTestRedis },
].filter(({ isThere }) => isThere);

describe.runIf(inject('testServer') !== null).each(KINDS)(
  'two servers that tell each other by $name',
  ({ startRedis }) => {
    const models = new PacedModels();
    let target: TestDatabaseTarget;
    let redis: TestRedis | null;
    let one: TestServer;
    let other: TestServer;
    let here: ConversationClient;
    let there: ConversationClient;

    beforeEach(async () => {
      target = await testDatabaseTarget();
      redis = await startRedis();
      const { remove: _remove, ...shared } = target;
      const common = { SIGNALBOX_WORKER: '0' };
      const environment = redis === null ? common : { ...common, REDIS_URL: redis.url };
      one = await startTestServer({ target: shared, environment, wrapProvider: models.wrap });
      other = await startTestServer({ target: shared, environment, wrapProvider: models.wrap });
      const { ownerKey } = await one.createWorkspace();
      here = new ConversationClient(one, ownerKey);
      there = new ConversationClient(other, ownerKey);
    });
    afterEach(async () => {
      await one?.close();
      await other?.close();
      await redis?.close();
      await target?.remove();
    });

    test('an answer made at one is watched, resumed and stopped at the other', async () => {
      const { id } = await here.send(await here.create(), 'Hello');
      const answer = await models.next();
      const far = there.follow(id);
      answer.say('Good ');
      const seen = [await far.next(), await far.next()] as ToldEvent[];
      expect(seen).toMatchObject([{ seq: 1 }, { seq: 2, text: 'Good ' }]);
      await far.leave();
      answer.say('morning');
      const near = here.follow(id);
      let told = '';
      while (!told.endsWith('morning')) told += (await near.next())?.text ?? '';
      const resumed = there.follow(id, { after: 2 });
      const stopped = await there.stop(id);
      expect(stopped).toMatchObject({ status: 'STOPPED', text: 'Good morning' });
      expect(stopped.usage.outputTokens).toBeGreaterThan(0);
      expect(answer.signal.aborted).toBe(true);
      const rest = await resumed.rest();
      expect(joined([...seen, ...rest])).toBe('Good morning');
      expect(rest.at(-1)).toMatchObject({ __typename: 'GenerationCompleted', stopped: true });
      expect(await near.rest()).toEqual(rest.slice(-1));
    });

    test('a server that is stopped hands its answer over at once, and the text so far is void', async () => {
      const { id } = await here.send(await here.create(), 'Hello');
      const answer = await models.next();
      answer.say('From here');
      const far = there.follow(id);
      expect([await far.next(), await far.next()]).toMatchObject([{ seq: 1 }, { seq: 2, text: 'From here' }]);
      const closed = one.close();
      const again = await models.next();
      again.say('From there');
      again.finish();
      const rest = await far.rest();
      expect(rest[0]).toMatchObject({ __typename: 'GenerationRestarted', seq: 3 });
      expect(joined(rest)).toBe('From there');
      expect(rest.at(-1)?.message.text).toBe('From there');
      await closed;
    });
  },
);
