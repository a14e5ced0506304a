import { PromptFile } from '../../../shared/prompt-file.ts';
import type { MarkedPassages } from './passages-prompt.ts';

const PROMPT = new PromptFile<'character' | 'language' | 'sources'>(new URL('./chat-prompt.md', import.meta.url));
const PASSAGES = new PromptFile<'marker'>(new URL('./chat-passages-prompt.md', import.meta.url));

/** Of one text that a team has written for the prompt. */
const PART_CHARACTERS = 8_000;

/** What the system prompt of a conversation is made of. */
export interface ChatCharacter {
  /** Of the conversation; null: that of the workspace. */
  persona: string | null;
  /** Of the workspace; read are `answers.persona`, `answers.tone` and `answers.instructions`. */
  preferences: Readonly<Record<string, unknown>>;
  /** English name of the language to answer in; null: that of the message, whichever that is. */
  language: string | null;
  /** What earlier messages said that are not sent any more; null where all are. */
  summary: string | null;
}

/** The system prompt of a conversation. */
export function chatPrompt(character: ChatCharacter, passages: MarkedPassages | null): string {
  const { language } = character;
  return PROMPT.fill({
    character: characterText(character),
    language: language === null ? 'in the language in which it is written' : `in ${language}`,
    sources: passages === null ? '' : PASSAGES.fill({ marker: passages.marker }),
  }).trim();
}

function characterText({ persona, preferences, summary }: ChatCharacter): string {
  const answers = preferences.answers;
  const chosen = (typeof answers === 'object' && answers !== null ? answers : {}) as Record<string, unknown>;
  const parts: [string, unknown][] = [
    ['Who you are:', persona ?? chosen.persona],
    ['How you sound:', chosen.tone],
    ['What the team wants of every answer:', chosen.instructions],
    ['What was said before the messages that follow, in short:', summary],
  ];
  return parts
    .flatMap(([heading, text]) => {
      const said = typeof text === 'string' ? text.slice(0, PART_CHARACTERS).toWellFormed().trim() : '';
      return said === '' ? [] : [`${heading}\n${said}\n`];
    })
    .join('\n');
}
