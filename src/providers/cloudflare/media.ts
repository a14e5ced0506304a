import type {
  EmbedRequest,
  EmbedResult,
  ModerateResult,
  RerankRequest,
  RerankResult,
  TokenUsage,
  TranscribeRequest,
  TranscribeResult,
} from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../shared/json.ts';
import { tokenCount } from '../../shared/token-count.ts';
import { shareOutTokens } from '../text-tokens.ts';
import { unitVector } from '../vendor-http.ts';

/** Of all the vendor's embedding models. */
const MAX_TEXTS = 100;
/** Where the vendor does not count. */
const CHARACTERS_PER_TOKEN = 4;

/** What Llama Guard's codes stand for. @see https://huggingface.co/meta-llama/Llama-Guard-3-8B */
const HAZARDS: Readonly<Record<string, string>> = {
  S1: 'violent_crimes',
  S2: 'non_violent_crimes',
  S3: 'sex_related_crimes',
  S4: 'child_sexual_exploitation',
  S5: 'defamation',
  S6: 'specialized_advice',
  S7: 'privacy',
  S8: 'intellectual_property',
  S9: 'indiscriminate_weapons',
  S10: 'hate',
  S11: 'suicide_and_self_harm',
  S12: 'sexual_content',
  S13: 'elections',
  S14: 'code_interpreter_abuse',
};

/** @throws ProviderError `bad_request` where it cannot be honoured */
export function embedBody({ texts, dimensions }: EmbedRequest): object {
  if (dimensions !== undefined) throw refused('dimensions', 'this model has vectors of one length');
  if (texts.length === 0 || texts.length > MAX_TEXTS) throw refused('texts', `there may be 1 to ${MAX_TEXTS}`);
  // An empty text is refused; a blank one is not.
  return { text: texts.map((text) => text || ' '), truncate_inputs: true };
}

function refused(field: string, reason: string): ProviderError {
  return new ProviderError('bad_request', `${field}: ${reason}.`);
}

/** @throws ProviderError `malformed` */
export function vectorsOf(result: JsonObject, { texts }: EmbedRequest, model: string): EmbedResult {
  const data = result.data ?? result.response;
  if (!Array.isArray(data) || data.length !== texts.length) throw malformed('another number of vectors than of texts');
  const total = isJsonObject(result.usage) ? tokenCount(result.usage.prompt_tokens) : undefined;
  return {
    vectors: data.map((vector) => unitVector(Array.isArray(vector) ? vector.map(Number) : [])),
    tokenCounts:
      total !== undefined
        ? shareOutTokens(total, texts)
        : texts.map((text) => Math.ceil(text.length / CHARACTERS_PER_TOKEN)),
    model,
  };
}

export function rerankBody({ query, texts }: RerankRequest): object {
  return { query, contexts: texts.map((text) => ({ text })), top_k: texts.length };
}

/** @throws ProviderError `malformed` */
export function scoresOf(result: JsonObject, { texts }: RerankRequest, model: string): RerankResult {
  const scores = texts.map(() => Number.NaN);
  const ranked = Array.isArray(result.response) ? result.response.filter(isJsonObject) : [];
  for (const { id, score } of ranked) {
    if (typeof id === 'number' && typeof score === 'number' && id in scores) scores[id] = score;
  }
  if (scores.some(Number.isNaN)) throw malformed('another number of scores than of texts');
  // Some versions give the model's raw output.
  const areRaw = scores.some((score) => score < 0 || score > 1);
  const usage = isJsonObject(result.usage) ? (tokenCount(result.usage.prompt_tokens) ?? 0) : 0;
  return {
    scores: areRaw ? scores.map((score) => 1 / (1 + Math.exp(-score))) : scores,
    model,
    usage: { inputTokens: usage, outputTokens: 0 } satisfies TokenUsage,
  };
}

export function moderateBody(text: string): object {
  return { messages: [{ role: 'user', content: text }], response_format: { type: 'json_object' } };
}

/** An object, or the model's own words: `safe`, or `unsafe` and the codes on the next line. @throws ProviderError */
export function judgementOf({ response }: JsonObject): ModerateResult['judgements'][number] {
  if (isJsonObject(response) && typeof response.safe === 'boolean') {
    const codes = Array.isArray(response.categories) ? response.categories.map(String) : [];
    return { flagged: !response.safe, scores: scoresOfCodes(response.safe ? [] : codes) };
  }
  const [verdict, codes = ''] = typeof response === 'string' ? response.trim().split('\n') : [];
  if (verdict !== 'safe' && verdict !== 'unsafe') throw malformed('a judgement that is neither safe nor unsafe');
  const flagged = verdict === 'unsafe';
  return { flagged, scores: scoresOfCodes(flagged ? codes.split(',') : []) };
}

/** The model names what applies, without a degree. */
function scoresOfCodes(codes: readonly string[]): Record<string, number> {
  const names = codes.map((code) => code.trim()).filter((code) => code !== '');
  return Object.fromEntries(names.map((code) => [HAZARDS[code] ?? code, 1]));
}

export function transcribeBody({ audio, language }: TranscribeRequest): object {
  return {
    audio: Buffer.from(audio.buffer, audio.byteOffset, audio.byteLength).toString('base64'),
    // ISO 639-1, without a region.
    ...(language === undefined ? {} : { language: language.split('-')[0]?.toLowerCase() }),
  };
}

/** @throws ProviderError `malformed` */
export function transcriptOf(result: JsonObject): TranscribeResult {
  const { text, transcription_info: info } = result;
  if (typeof text !== 'string') throw malformed('a transcript without a text');
  const { duration, language } = isJsonObject(info) ? info : {};
  const segments = Array.isArray(result.segments) ? result.segments.filter(isJsonObject).flatMap(segmentOf) : [];
  return {
    text: text.trim(),
    ...(typeof language === 'string' ? { language } : {}),
    durationSeconds: typeof duration === 'number' ? duration : (segments.at(-1)?.end ?? 0),
    ...(segments.length === 0 ? {} : { segments }),
  };
}

function segmentOf({ start, end, text }: JsonObject): { start: number; end: number; text: string }[] {
  const isWhole = typeof start === 'number' && typeof end === 'number' && typeof text === 'string';
  return isWhole ? [{ start, end, text: text.trim() }] : [];
}

/** A voice is the language that it speaks. */
export function speakBody(text: string, voice: string | undefined): object {
  return { prompt: text, ...(voice === undefined ? {} : { lang: voice }) };
}

/** @throws ProviderError `malformed` */
export function audioOf(audio: JsonValue | undefined): { audio: Uint8Array; mimeType: string } {
  if (typeof audio !== 'string' || audio === '') throw malformed('speech without sound');
  return soundOf(Buffer.from(audio, 'base64'));
}

/** The vendor says MP3, and some versions send WAV. */
export function soundOf(audio: Uint8Array): { audio: Uint8Array; mimeType: string } {
  const isWav = Buffer.from(audio.subarray(0, 4)).toString('latin1') === 'RIFF';
  return { audio, mimeType: isWav ? 'audio/wav' : 'audio/mpeg' };
}

function malformed(what: string): ProviderError {
  return new ProviderError('malformed', `Cloudflare sent ${what}`);
}
