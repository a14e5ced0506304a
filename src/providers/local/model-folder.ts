import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, isAbsolute, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { PluginHost } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import type { Dtype, TransformerModel } from './models.ts';

/** The optional peer dependency that runs sentence-transformers. */
export const TRANSFORMERS_PACKAGE = '@huggingface/transformers';

const HUB_ORIGIN = 'https://huggingface.co';
const HUB_NAME = /^[\w.-]+\/[\w.-]+$/;

const GRAPH_FILES: Record<Dtype, string> = {
  fp32: 'onnx/model.onnx',
  fp16: 'onnx/model_fp16.onnx',
  q8: 'onnx/model_quantized.onnx',
  q4: 'onnx/model_q4.onnx',
};

function requiredFiles(dtype: Dtype): string[] {
  return ['config.json', 'tokenizer.json', 'tokenizer_config.json', GRAPH_FILES[dtype]];
}

async function missingFiles(folder: string, dtype: Dtype): Promise<string[]> {
  const missing: string[] = [];
  for (const file of requiredFiles(dtype)) {
    await access(join(folder, file)).catch(() => missing.push(file));
  }
  return missing;
}

function assertPackageInstalled(): void {
  try {
    createRequire(import.meta.url).resolve(TRANSFORMERS_PACKAGE);
  } catch (cause) {
    throw new ProviderError(
      'unavailable',
      `This model runs through the npm package ${TRANSFORMERS_PACKAGE}, which is not installed. ` +
        `Run: npm install ${TRANSFORMERS_PACKAGE}@4`,
      { cause },
    );
  }
}

async function download(url: string, target: string, host: PluginHost, signal: AbortSignal): Promise<void> {
  const temporary = `${target}.${randomUUID()}.tmp`;
  try {
    const response = await host.fetch(url, { signal });
    if (!response.ok || !response.body) throw new Error(`the answer was ${response.status}`);
    await mkdir(dirname(target), { recursive: true });
    await pipeline(Readable.fromWeb(response.body as never), createWriteStream(temporary), { signal });
    await rename(temporary, target);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ProviderError(
      'unavailable',
      `${url} could not be downloaded (${reason}). Check the model's name and the connection to ` +
        `${HUB_ORIGIN}, or put the model's files into a folder and name its absolute path as the model's source.`,
      { cause },
    );
  } finally {
    await rm(temporary, { force: true });
  }
}

/**
 * The folder that holds a model's files. Downloads those that are missing from the hub into `host.cacheDir`, each under
 * its final name only once it is whole. Throws `ProviderError` `unavailable`, saying what to do, where the package that
 * runs the model or one of its files is missing. `signal` stops a download.
 */
export async function prepareModelFolder(
  model: TransformerModel,
  host: PluginHost,
  signal: AbortSignal,
): Promise<string> {
  assertPackageInstalled();
  const isFolder = isAbsolute(model.source);
  if (!isFolder && !HUB_NAME.test(model.source)) {
    throw new ProviderError(
      'unavailable',
      `"${model.source}" is neither a name on ${HUB_ORIGIN} (owner/model) nor the absolute path of a folder.`,
    );
  }
  const folder = isFolder ? model.source : join(host.cacheDir, 'hub', model.source);
  const missing = await missingFiles(folder, model.dtype);
  if (isFolder && missing.length > 0) {
    throw new ProviderError('unavailable', `The model's folder ${folder} lacks ${missing.join(', ')}. Put it there.`);
  }
  for (const file of missing) {
    host.logger.info({ model: model.source, file }, 'downloading a model file');
    await download(`${HUB_ORIGIN}/${model.source}/resolve/main/${file}`, join(folder, file), host, signal);
  }
  return folder;
}
