import { expect } from 'vitest';
import { z } from 'zod';
import type { AskedRun } from '../../src/domain/agents/agent-runs.ts';
import { type AgentRunContext, type AgentTypeDefinition, defineAgentType } from '../../src/domain/agents/agent-type.ts';
import type { JsonObject } from '../../src/shared/json.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../api/server-harness.ts';
import { type AgentWorker, insertAgent, readRun, startAgentWorker } from './agent-worker.ts';
import { type ChatReply, type ChatVendor, startChatVendor, vendorIntegration } from './chat-vendor.ts';
import { waitFor } from './wait-for.ts';

export const RUN_OVER_MS = 60_000;

export type ScriptedRun = AgentRunContext<{ name: string }, { parts?: number | undefined }>;

const ASKED = { prompt: 'Say something.', texts: [], name: 'said', schema: z.object({ said: z.string() }) };

/** Runs of agents that do what a test says, by a worker of their own, with a vendor that says what the test has it say. */
export class AgentRunHarness {
  readonly server: TestServer;
  readonly vendor: ChatVendor;
  readonly workers: AgentWorker[] = [];
  /** What agents of the type do. */
  work: (run: ScriptedRun) => Promise<JsonObject> = async () => ({ said: [] });
  /** What the vendor says next. */
  reply: (place: number) => ChatReply | Promise<ChatReply> = (place) => ({ json: { said: `word ${place}` } });
  workspaceId = '';
  ownerKey = '';
  readonly definition: AgentTypeDefinition = defineAgentType({
    ...{ type: 'SCOUT', description: 'Does what a test says.', tools: ['write', 'record_insight'] },
    configuration: z.object({ name: z.string().default('nobody') }),
    input: z.object({ parts: z.int().optional() }),
    output: z.object({ said: z.array(z.string()) }),
    run: (run) => this.work(run) as Promise<{ said: string[] }>,
  });

  private constructor(server: TestServer, vendor: ChatVendor) {
    this.server = server;
    this.vendor = vendor;
  }

  static async open(): Promise<AgentRunHarness> {
    const opened: { harness?: AgentRunHarness } = {};
    const vendor = await startChatVendor((_request, place) => opened.harness?.reply(place) ?? { status: 500 });
    const server = await startTestServer({
      environment: { SIGNALBOX_WORKER: '0', SIGNALBOX_ALLOW_PRIVATE_URLS: '1' },
    });
    const harness = new AgentRunHarness(server, vendor);
    opened.harness = harness;
    Object.assign(harness, await harness.makeWorkspace().then(({ id, ownerKey }) => ({ workspaceId: id, ownerKey })));
    await harness.startWorker();
    return harness;
  }

  async startWorker(): Promise<void> {
    this.workers.push(await startAgentWorker(this.server.app, [this.definition]));
  }

  async close(): Promise<void> {
    for (const worker of this.workers) await worker.stop();
    await this.server.close();
    await this.vendor.close();
  }

  get runs(): AgentWorker['runs'] {
    return (this.workers[0] as AgentWorker).runs;
  }

  /** One whose agents have a model that writes. */
  async makeWorkspace(): Promise<TestWorkspace> {
    const made = await this.server.createWorkspace();
    const input = vendorIntegration(this.vendor);
    const { body } = await this.server.query(
      'mutation ($input: CreateIntegrationInput!) { createIntegration(input: $input) { __typename } }',
      { input },
      { key: made.ownerKey },
    );
    expect(body.data).toEqual({ createIntegration: { __typename: 'Integration' } });
    return made;
  }

  insertAgent(configuration: JsonObject = {}, inWorkspace = this.workspaceId): Promise<AskedRun['agent']> {
    return insertAgent(this.server.app, inWorkspace, this.definition, configuration);
  }

  async start(asked: Partial<AskedRun> & { configuration?: JsonObject } = {}, inWorkspace = this.workspaceId) {
    const { configuration, agent = await this.insertAgent(configuration, inWorkspace), ...given } = asked;
    const run = await this.server.app.database.withWorkspace(inWorkspace, (scope) =>
      this.runs.start(scope, { cause: 'MANUAL', input: {}, ...given, agent }),
    );
    return { ...run, agent };
  }

  stateOf(runId: string, inWorkspace = this.workspaceId) {
    return readRun(this.server.app, inWorkspace, runId);
  }

  ended(runId: string, inWorkspace = this.workspaceId) {
    return waitFor(
      'the end of a run',
      async () => {
        const run = await this.stateOf(runId, inWorkspace);
        return run.finishedAt === null ? null : run;
      },
      RUN_OVER_MS,
    );
  }

  async jobOf({ jobId }: { jobId: string }, inWorkspace = this.workspaceId) {
    const [job] = await this.server.app.database.withWorkspace(
      inWorkspace,
      ({ sql }) => sql<{ status: string; attempt: number; error: string | null }[]>`
        select status, attempt, error from jobs where id = ${jobId}`,
    );
    return job;
  }

  /** A job that waits after an attempt has the next one now. */
  async hasten(jobId: string, attempt = 1): Promise<void> {
    const isWaiting = async () => {
      const job = await this.jobOf({ jobId });
      return job?.status === 'RETRYING' && job.attempt === attempt;
    };
    await waitFor('the wait for the next attempt', isWaiting, RUN_OVER_MS);
    await this.server.app.database.withWorkspace(
      this.workspaceId,
      ({ sql }) => sql`update jobs set next_attempt_at = now() where id = ${jobId} and status = 'RETRYING'`,
    );
  }

  async ledgerOf(runId: string) {
    await this.server.app.recorder.flush();
    return this.server.app.database.withWorkspace(
      this.workspaceId,
      ({ sql }) => sql<{ outcome: string; costUsd: string | null }[]>`
        select outcome, cost_usd::text from usage_attempts where about_id = ${runId} order by at, id`,
    );
  }
}

/** Steps that each have the model write a word. */
export function writing(parts: number, before: (part: number, run: ScriptedRun) => unknown = () => undefined) {
  return async (run: ScriptedRun) => {
    const said: string[] = [];
    for (let part = 1; part <= parts; part++) {
      const word = await run.step(`part ${part}`, async () => {
        await before(part, run);
        const value = await run.tools.write(ASKED);
        return value.said;
      });
      said.push(word);
      run.progress(part, parts);
    }
    return { said };
  };
}
