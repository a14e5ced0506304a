import { Readable } from 'node:stream';
import type OpenAI from 'openai';
import type { Transcription, TranscriptionVerbose } from 'openai/resources/audio/transcriptions';
import type {
  CallContext,
  ModerateRequest,
  ModerateResult,
  SpeakRequest,
  SpeakResult,
  TokenUsage,
  TranscribeRequest,
  TranscribeResult,
} from '../../plugins/contract.ts';
import { readTokens } from '../../shared/token-count.ts';
import type { VendorHttp } from '../vendor-http.ts';

const DEFAULT_VOICE = 'alloy';

/** The vendor's SDK, for calls that are too rare to be worth more; it is loaded by the first of them. */
export interface MediaClient {
  readonly http: VendorHttp;
  /** A client for one request to one model. */
  open(model: string, call: CallContext): Promise<{ sdk: OpenAI; model: string }>;
}

/** @param parts the vendor's address for the request, with its headers and query */
export async function openSdk(
  http: VendorHttp,
  parts: { baseURL: string; headers: Readonly<Record<string, string>>; query?: Record<string, string> },
): Promise<OpenAI> {
  const { default: Sdk } = await import('openai');
  return new Sdk({
    baseURL: parts.baseURL,
    // What is really sent is among the headers; nothing comes from the environment.
    apiKey: 'none',
    organization: null,
    project: null,
    defaultHeaders: { authorization: null, ...parts.headers },
    ...(parts.query === undefined ? {} : { defaultQuery: parts.query }),
    fetch: http.fetch,
    maxRetries: 0,
    logLevel: 'off',
  });
}

export async function moderate(
  client: MediaClient,
  request: ModerateRequest,
  call: CallContext,
): Promise<ModerateResult> {
  return client.http.attempt(call, async () => {
    const { sdk, model } = await client.open(request.model, call);
    const answer = await sdk.moderations.create({ model, input: [...request.texts] }, { signal: call.signal });
    if (answer.results?.length !== request.texts.length) throw client.http.malformed('judgements for other texts');
    return {
      judgements: answer.results.map(({ flagged, category_scores }) => ({ flagged, scores: { ...category_scores } })),
    };
  });
}

export async function speak(client: MediaClient, request: SpeakRequest, call: CallContext): Promise<SpeakResult> {
  return client.http.attempt(call, async () => {
    const { sdk, model } = await client.open(request.model, call);
    const answer = await sdk.audio.speech.create(
      { model, input: request.text, voice: request.voice ?? DEFAULT_VOICE, response_format: 'mp3' },
      { signal: call.signal },
    );
    const audio = await client.http.bytesOf({ chunks: () => answer.body ?? Readable.from([]) });
    if (audio.length === 0) throw client.http.malformed('speech without sound');
    return {
      audio,
      mimeType: answer.headers.get('content-type') ?? 'audio/mpeg',
    };
  });
}

export async function transcribe(
  client: MediaClient,
  request: TranscribeRequest,
  call: CallContext,
): Promise<TranscribeResult> {
  return client.http.attempt(call, async () => {
    const { sdk, model } = await client.open(request.model, call);
    const file = new File([Uint8Array.from(request.audio)], `audio.${extensionOf(request.mimeType)}`, {
      type: request.mimeType,
    });
    // Only Whisper tells times; the newer models know plain JSON alone.
    const isWhisper = request.model.includes('whisper');
    const answer = (await sdk.audio.transcriptions.create(
      {
        model,
        file,
        response_format: isWhisper ? 'verbose_json' : 'json',
        // A vendor's tag has the language alone: de, not de-CH.
        ...(request.language === undefined ? {} : { language: request.language.split('-')[0] as string }),
      },
      { signal: call.signal },
    )) as Transcription | TranscriptionVerbose;
    if (typeof answer.text !== 'string') throw client.http.malformed('a transcription without a text');
    return { text: answer.text, ...details(answer), ...tokenUsage(answer.usage) };
  });
}

function details(answer: Transcription | TranscriptionVerbose): Omit<TranscribeResult, 'text'> {
  if (!('duration' in answer)) {
    const seconds = answer.usage?.type === 'duration' ? answer.usage.seconds : 0;
    return { durationSeconds: seconds };
  }
  return {
    language: answer.language,
    // Some servers send it as a text.
    durationSeconds: Number(answer.duration),
    ...(answer.segments === undefined
      ? {}
      : { segments: answer.segments.map(({ start, end, text }) => ({ start, end, text: text.trim() })) }),
  };
}

function tokenUsage(usage: Transcription['usage']): { usage?: TokenUsage } {
  if (usage?.type !== 'tokens') return {};
  return { usage: readTokens({ inputTokens: usage.input_tokens, outputTokens: usage.output_tokens }) };
}

/** The vendor tells the format by the file's name. */
function extensionOf(mimeType: string): string {
  const [, subtype = 'mp3'] = mimeType.split(';')[0]?.split('/') ?? [];
  const names: Readonly<Record<string, string>> = { mpeg: 'mp3', 'x-wav': 'wav', wave: 'wav', 'x-m4a': 'm4a' };
  return names[subtype] ?? subtype;
}
