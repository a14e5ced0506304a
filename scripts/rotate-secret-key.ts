/**
 * Seals all stored credentials under the current key of the server, so that the key before it is needed no more; see
 * docs/operations.md. With `--new` it makes that key first, where it is kept in the data folder and no server runs.
 */
import { parseArgs } from 'node:util';
import { readConfig } from '../src/config.ts';
import { openDatabase } from '../src/db/client.ts';
import { DataFolderInUseError } from '../src/db/data-folder-lock.ts';
import { rewrapCredentials } from '../src/domain/integrations/credential-rotation.ts';
import { CredentialVault } from '../src/domain/integrations/credential-vault.ts';
import { forgetPreviousKeyFile, readSecretKeys, renewSecretKeyFile } from '../src/domain/integrations/secret-key.ts';
import { ConfigError } from '../src/shared/config-error.ts';
import { makeDataFolder } from '../src/shared/data-folder.ts';

const say = (line: string) => process.stdout.write(`signalbox: ${line}\n`);

const HOW_WITH_SERVERS =
  '--new is for the embedded database: with DATABASE_URL, a server that runs would go on with the old key. Set ' +
  'SIGNALBOX_SECRET_KEY to a new key (openssl rand -base64 32) and SIGNALBOX_SECRET_KEY_PREVIOUS to what the file ' +
  'secret-key holds, on every server at once; start them, and run this command with the same settings, without --new';

/** Whether everything is under the current key now. */
async function rotate(makeNew: boolean): Promise<boolean> {
  const config = readConfig(process.env);
  makeDataFolder(config.dataDir);
  const { databaseUrl, databasePoolSize: poolSize, dataDir } = config;
  // Nobody could tell whether one runs: several may share a data folder then, and it is locked by none.
  if (makeNew && databaseUrl !== undefined && config.secretKey === undefined) throw new ConfigError(HOW_WITH_SERVERS);
  // First, because it is refused while a server uses the same folder.
  const database = await openDatabase({ databaseUrl, poolSize, dataDir });
  try {
    if (makeNew) renewSecretKeyFile(config);
    const vault = new CredentialVault(readSecretKeys(config));
    say(`sealing credentials under the key ${vault.currentKeyId.toString('hex')}`);
    const { rewrapped, unopened } = await rewrapCredentials(database, vault, {
      onBatch: (report) => say(`${report.rewrapped} sealed anew so far`),
    });
    say(`done: ${rewrapped} sealed anew, ${unopened.length} open with neither key`);
    for (const id of unopened)
      say(`  ${id}: give its credentials again with updateIntegration, or set it with setAlertWebhook`);
    if (unopened.length > 0) return false;
    if (config.secretKey === undefined) forgetPreviousKeyFile(dataDir);
    return true;
  } finally {
    await database.close();
  }
}

function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof DataFolderInUseError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

try {
  const { values } = parseArgs({ options: { new: { type: 'boolean', default: false } } });
  process.exitCode = (await rotate(values.new)) ? 0 : 1;
} catch (error) {
  process.stderr.write(`signalbox: ${explain(error)}\n`);
  process.exitCode = 1;
}
