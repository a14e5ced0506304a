import type { TokenUsage } from '../../plugins/contract.ts';
import { type InputIssue, InvalidInputError } from '../../shared/errors.ts';
import type { Upload } from '../../shared/upload.ts';
import { authorize } from '../access/caller.ts';
import type { UsageAmount } from '../conversations/answer.ts';
import type { ModelCall } from '../gateway/model-call.ts';
import type { ModelGateway } from '../gateway/model-gateway.ts';
import type { UploadSlots } from '../imports/upload-slots.ts';
import { SOUNDS } from './file-format.ts';
import { readFile } from './read-file.ts';
import { soundSeconds } from './sound-length.ts';
import { languageCode } from './spoken-language.ts';

/** As much as the vendors take. */
export const SOUND_MAX_BYTES = 25 * 1024 * 1024;
/** Of a text that is said: as much as the vendors take. */
export const SPOKEN_MAX_CHARACTERS = 4_096;
const VOICE_MAX_CHARACTERS = 100;

/** What was said. */
export interface Transcript {
  text: string;
  /** ISO 639-1, or 639-3 where there is no shorter code; null where the provider does not tell. */
  language: string | null;
  /** 0 where neither the provider nor the file tells. */
  durationSeconds: number;
  /** Times in seconds; null where the provider tells none. */
  segments: readonly { start: number; end: number; text: string }[] | null;
  model: string;
  usage: UsageAmount;
}

/** A text that was said. */
export interface Speech {
  audio: Uint8Array;
  mimeType: string;
  /** Null where the provider does not tell. */
  durationSeconds: number | null;
  model: string;
  usage: UsageAmount;
}

/** Writes speech down, and says texts aloud. */
export class MediaService {
  readonly #gateway: ModelGateway;
  readonly #slots: UploadSlots;

  constructor(gateway: ModelGateway, slots: UploadSlots) {
    this.#gateway = gateway;
    this.#slots = slots;
  }

  /** @throws InvalidInputError; UnavailableError where too many files come in; as `ModelGateway.transcribe` */
  async transcribe(
    call: ModelCall,
    { file, language, model }: { file: Upload; language: string | null; model: string | null },
  ): Promise<Transcript> {
    const { workspace } = authorize(call.caller, 'AI_USE');
    const tag = languageTag(language);
    await this.#requireModel(workspace.id, model, 'TRANSCRIBE');
    const work = async (): Promise<Transcript> => {
      const { content, format } = await readFile(file, { path: 'file', formats: SOUNDS, maxBytes: SOUND_MAX_BYTES });
      const made = await this.#gateway.transcribe(call, {
        ...{ audio: content, mimeType: format.mimeType },
        ...(tag === null ? {} : { language: tag }),
        ...(model === null ? {} : { model }),
      });
      const { text, language: heard, durationSeconds, segments } = made.result;
      return {
        ...{ text, language: languageCode(heard), model: made.model, usage: usageOf(made) },
        durationSeconds: isLength(durationSeconds) ? durationSeconds : (soundSeconds(content) ?? 0),
        segments: segments ?? null,
      };
    };
    return this.#slots.run(workspace.id, work, call.signal);
  }

  /** @throws InvalidInputError; as `ModelGateway.speak` */
  async speak(
    call: ModelCall,
    { text, voice, model }: { text: string; voice: string | null; model: string | null },
  ): Promise<Speech> {
    const { workspace } = authorize(call.caller, 'AI_USE');
    checkSpoken(text, voice);
    await this.#requireModel(workspace.id, model, 'SPEAK');
    const made = await this.#gateway.speak(call, {
      text,
      ...(voice === null ? {} : { voice }),
      ...(model === null ? {} : { model }),
    });
    const { audio, mimeType, durationSeconds = null } = made.result;
    return { audio, mimeType, durationSeconds, model: made.model, usage: usageOf(made) };
  }

  /** Before a file is read. @throws NoProviderError */
  async #requireModel(workspaceId: string, model: string | null, capability: 'TRANSCRIBE' | 'SPEAK'): Promise<void> {
    const asked = { workspaceId, model: model ?? undefined, work: null, fallbacks: [] };
    await this.#gateway.router.route({ ...asked, capabilities: [capability] });
  }
}

/** A BCP 47 tag in its usual form. @throws InvalidInputError */
function languageTag(language: string | null): string | null {
  if (language === null) return null;
  try {
    return new Intl.Locale(language).toString();
  } catch {
    throw InvalidInputError.at('language', 'must be a BCP 47 tag, such as "de" or "pt-BR"');
  }
}

function checkSpoken(text: string, voice: string | null): void {
  const issues: InputIssue[] = [];
  if (text.trim() === '') issues.push({ path: ['text'], message: 'must say something' });
  if (text.length > SPOKEN_MAX_CHARACTERS) {
    issues.push({ path: ['text'], message: `may have ${SPOKEN_MAX_CHARACTERS} characters, and has ${text.length}` });
  }
  if (voice !== null && (voice.trim() === '' || voice.length > VOICE_MAX_CHARACTERS)) {
    issues.push({ path: ['voice'], message: `must have 1 to ${VOICE_MAX_CHARACTERS} characters` });
  }
  if (issues.length > 0) throw new InvalidInputError(issues);
}

/** Servers of other vendors say all sorts of things. */
function isLength(seconds: number): boolean {
  return Number.isFinite(seconds) && seconds > 0;
}

function usageOf({ usage, costUsd }: { usage: TokenUsage; costUsd: string | null }): UsageAmount {
  const { inputTokens, outputTokens, cachedInputTokens = 0 } = usage;
  return { inputTokens, outputTokens, cachedTokens: cachedInputTokens, costUsd };
}
