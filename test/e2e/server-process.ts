import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { makeTempFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-for.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** A first start takes some 10 s of processor time: minutes where many want the processor. Most tests have a shorter limit. */
const START_TIMEOUT_MS = 230_000;

export interface EndedProcess {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** The product in a process of its own, started as a person starts it. */
export interface ServerProcess {
  readonly child: ChildProcess;
  stdout(): string;
  /** Resolves when the process has ended. */
  readonly ended: Promise<EndedProcess>;
  /**
   * Origin of the server, once it says that it is ready.
   * @throws where the process ends instead
   */
  ready(): Promise<string>;
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<EndedProcess>;
}

/** A data folder that finds the embedding model's file where the run's other servers have made it. */
export function makeDataDir(): { path: string; remove(): Promise<void> } {
  const folder = makeTempFolder('e2e');
  const path = join(folder.path, 'data');
  const models = join(inject('runFolder'), 'models');
  mkdirSync(models, { recursive: true });
  mkdirSync(path);
  symlinkSync(models, join(path, 'models'), 'dir');
  return { path, remove: folder.remove };
}

/**
 * Runs `node src/main.ts` on any free port, or another entry point, with these settings and none of the test run's own.
 */
export function startProcess(settings: Record<string, string>, entry = 'src/main.ts'): ServerProcess {
  const environment = { PATH: process.env.PATH, HOME: process.env.HOME, PORT: '0', SIGNALBOX_LOCAL_WORKERS: '1' };
  const child = spawn(process.execPath, [join(ROOT, entry)], {
    cwd: ROOT,
    env: { ...environment, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(
    ([code, signal]): EndedProcess => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout,
      stderr,
    }),
  );
  const ready = async () => {
    const address = await waitFor(
      'the server to say that it is ready',
      () => child.exitCode !== null || child.signalCode !== null || /(http:\/\/\S+)\/graphql[\s\S]*Ctrl-C/.exec(stdout),
      START_TIMEOUT_MS,
    );
    if (address === true) throw new Error(`the server has ended: ${stderr || stdout}`);
    return address[1] ?? '';
  };
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return ended;
  };
  return { child, stdout: () => stdout, ended, ready, end };
}

/** Posts a document. @throws where the answer has errors, or there is none */
export async function ask<Data>(
  origin: string,
  key: string,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<Data> {
  const response = await fetch(`${origin}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(60_000),
  });
  const { data, errors } = (await response.json()) as { data?: Data | null; errors?: object[] };
  if (errors !== undefined || data == null) throw new Error(`refused: ${JSON.stringify(errors)}`);
  return data;
}
