import type { SpeakRequest, SpeakResult } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { type AnswerChunk, AnswerReader } from './answer.ts';
import type { GenerateContentBody } from './request.ts';

const DEFAULT_VOICE = 'Kore';
const HEADER_BYTES = 44;
/** 16 bits, one channel. */
const BYTES_PER_SAMPLE = 2;

/** The body of a request for speech. Speech is an answer of a model that speaks. */
export function speechBody({ text, voice = DEFAULT_VOICE }: SpeakRequest): GenerateContentBody {
  return {
    contents: [{ role: 'user', parts: [{ text }] }],
    generationConfig: {
      responseModalities: ['AUDIO'] as unknown as NonNullable<
        GenerateContentBody['generationConfig']
      >['responseModalities'],
      speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: voice } } },
    },
  };
}

/** The sound of an answer as a file: raw samples, as the vendor sends them, get a header. */
export function speechOf(chunk: AnswerChunk, model: string): SpeakResult {
  const reader = new AnswerReader(model, () => undefined);
  for (const _ of reader.read(chunk));
  const { usage, finishReason } = reader.end();
  const parts = chunk.candidates?.[0]?.content?.parts ?? [];
  const sounds = parts.flatMap(({ inlineData }) => (inlineData?.data === undefined ? [] : [inlineData]));
  const mimeType = sounds[0]?.mimeType ?? '';
  const bytes = Buffer.concat(sounds.map(({ data = '' }) => Buffer.from(data, 'base64')));
  if (bytes.length === 0) {
    const kind = finishReason === 'content_filter' ? 'content_filter' : 'malformed';
    throw new ProviderError(kind, `Google sent no sound (${finishReason})`);
  }
  const rate = Number(/^audio\/(?:L16|pcm)\b.*rate=(\d+)/i.exec(mimeType)?.[1] ?? Number.NaN);
  if (Number.isNaN(rate)) return { audio: bytes, mimeType, usage };
  const durationSeconds = bytes.length / BYTES_PER_SAMPLE / rate;
  return {
    audio: Buffer.concat([waveHeader(bytes.length, rate), bytes]),
    mimeType: 'audio/wav',
    durationSeconds,
    usage,
  };
}

/** The header of a RIFF file with uncompressed samples. */
function waveHeader(dataBytes: number, rate: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('RIFF', 0);
  header.writeUInt32LE(HEADER_BYTES - 8 + dataBytes, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate * BYTES_PER_SAMPLE, 28);
  header.writeUInt16LE(BYTES_PER_SAMPLE, 32);
  header.writeUInt16LE(BYTES_PER_SAMPLE * 8, 34);
  header.write('data', 36);
  header.writeUInt32LE(dataBytes, 40);
  return header;
}
