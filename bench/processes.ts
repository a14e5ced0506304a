/** The servers that a bench runs, each a process of its own, and how they are asked. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoadTarget } from './http-load.ts';

const running: { process: ChildProcess; folder: string | null }[] = [];

/** Ends every server that was started here. */
export async function stopAll(): Promise<void> {
  for (const { process, folder } of running) {
    process.kill('SIGTERM');
    await new Promise((resolve) => process.once('exit', resolve));
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
  }
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

export interface Product {
  port: number;
  pid: number;
  rootKey: string;
}

export async function startProduct(environment: Record<string, string>): Promise<Product> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-bench-'));
  const rootKey = `sbx_root_${randomUUID()}`;
  const settings = { PORT: '0', SIGNALBOX_DEMO: '0', SIGNALBOX_DATA_DIR: folder, SIGNALBOX_ROOT_KEY: rootKey };
  const main = join(import.meta.dirname, '../src/main.ts');
  // As `npm start` does.
  const starting = start(['--max-semi-space-size=16', main], { ...settings, ...environment }, folder);
  const pid = running.at(-1)?.process.pid ?? 0;
  return { port: await starting, pid, rootKey };
}

/** Starts a server that says where it listens. Returns its port. */
export function start(command: string[], environment: Record<string, string>, folder: string | null): Promise<number> {
  const process_ = spawn(process.execPath, command, {
    env: { ...process.env, NODE_ENV: 'production', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.push({ process: process_, folder });
  return new Promise((resolve, reject) => {
    let said = '';
    process_.stdout.on('data', (text: Buffer) => {
      said += text;
      const port = /http:\/\/(?:127\.0\.0\.1|localhost):(\d+)/.exec(said)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
    process_.once('exit', (code) => reject(new Error(`a server has ended with ${code}: ${said}`)));
  });
}

export async function makeWorkspace({ port, rootKey }: Product, tier = 'FREE'): Promise<string> {
  const answer = await ask<{ createWorkspace: { ownerKey: { secret: string } } }>(
    port,
    bearer(rootKey),
    `mutation { createWorkspace(input: { name: "bench", tier: ${tier} }) { ... on CreatedWorkspace { ownerKey { secret } } } }`,
  );
  return answer.createWorkspace.ownerKey.secret;
}

/** @throws where the answer has errors: a fast refusal would look like a fast server */
export async function checkAnswer({
  port,
  headers,
  body,
}: Pick<LoadTarget, 'port' | 'headers' | 'body'>): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${port}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  const { data, errors } = (await answer.json()) as { data: unknown; errors?: object[] };
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data;
}

export async function ask<Data>(
  port: number,
  headers: Record<string, string>,
  query: string,
  variables?: object,
): Promise<Data> {
  return (await checkAnswer({ port, headers, body: body(query, variables) })) as Data;
}

export function body(query: string, variables: object = {}): string {
  return JSON.stringify({ query, variables });
}

export function bearer(key: string): Record<string, string> {
  return { authorization: `Bearer ${key}` };
}
