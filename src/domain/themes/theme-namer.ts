import { z } from 'zod';
import type { ChatMessage } from '../../plugins/contract.ts';
import { DomainError } from '../../shared/errors.ts';
import { PromptFile } from '../../shared/prompt-file.ts';
import { chosenModel } from '../gateway/chosen-model.ts';
import { markedText, markerOf } from '../gateway/marked-texts.ts';
import type { ModelCall } from '../gateway/model-call.ts';
import type { ModelCatalog } from '../gateway/model-catalog.ts';
import type { ModelGateway } from '../gateway/model-gateway.ts';
import type { Router } from '../gateway/router.ts';
import { generateObject } from '../gateway/structured-output.ts';
import { NAME_MAX_CHARACTERS } from './theme.ts';
import { cleanName } from './theme-name.ts';

const PROMPT = new PromptFile<'marker' | 'maxCharacters'>(new URL('./name-prompt.md', import.meta.url));

/** Themes of one question: with more, the answer grows longer than some models may write. */
export const THEMES_PER_QUESTION = 50;
/** Of one document. */
export const EXAMPLE_CHARACTERS = 300;

/** A theme without a name. */
export interface NamelessTheme {
  keywords: readonly string[];
  /** The documents nearest to its middle. */
  examples: readonly { id: string; text: string }[];
}

export interface WrittenName {
  name: string;
  /** Id of the model that wrote it. */
  model: string;
}

/** Work that names may be left to the model of, that of the first one first. */
const NAMING_WORKS = ['summarise', 'classify'] as const;
export type NamingWork = (typeof NAMING_WORKS)[number];

/** Which work's model names a workspace's themes; null where none is chosen that writes. */
export async function namingWork(
  catalog: ModelCatalog,
  router: Router,
  workspaceId: string,
): Promise<NamingWork | null> {
  for (const work of NAMING_WORKS) {
    if ((await chosenModel(catalog, router, workspaceId, work))?.writes === true) return work;
  }
  return null;
}

/** Has the model that a workspace has chosen to summarise by, or else to classify by, name themes. */
export class ThemeNamer {
  readonly #gateway: ModelGateway;
  readonly #catalog: ModelCatalog;

  constructor(parts: { gateway: ModelGateway; catalog: ModelCatalog }) {
    this.#gateway = parts.gateway;
    this.#catalog = parts.catalog;
  }

  /** Which work's model writes names; null where none is chosen that writes. */
  work(workspaceId: string): Promise<NamingWork | null> {
    return namingWork(this.#catalog, this.#gateway.router, workspaceId);
  }

  /**
   * Names of themes, in one question for fifty of them; null where the model passed one over, or could not be asked: a
   * theme is there without its help, and the next run asks again.
   */
  async name(
    call: ModelCall,
    work: NamingWork,
    themes: readonly NamelessTheme[],
    taken: readonly string[],
  ): Promise<(WrittenName | null)[]> {
    const names: (WrittenName | null)[] = [];
    for (let start = 0; start < themes.length; start += THEMES_PER_QUESTION) {
      const some = themes.slice(start, start + THEMES_PER_QUESTION);
      const given = names.flatMap((known) => known?.name ?? []);
      names.push(...(await this.#ask(call, work, some, [...taken, ...given])));
    }
    return names;
  }

  async #ask(
    call: ModelCall,
    work: NamingWork,
    themes: readonly NamelessTheme[],
    taken: readonly string[],
  ): Promise<(WrittenName | null)[]> {
    const keys = themes.map((_, place) => themeKey(place));
    const schema = z.object({ themes: z.array(z.object({ theme: z.enum(keys), name: z.string() })) });
    const documentIds = themes.flatMap(({ examples }) => examples.map(({ id }) => id));
    const input = { work, messages: nameMessages(themes, taken), documentIds };
    try {
      const { value, answer } = await generateObject(this.#gateway, call, input, { name: 'theme_names', schema });
      return keys.map((key) => {
        const name = cleanName(value.themes.find(({ theme }) => theme === key)?.name ?? '');
        return name === '' ? null : { name, model: answer.model };
      });
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      return themes.map(() => null);
    }
  }
}

function themeKey(place: number): string {
  return `t${place + 1}`;
}

/** Asks for names. What documents say stands between lines that nobody who writes one can forge. */
function nameMessages(themes: readonly NamelessTheme[], taken: readonly string[]): ChatMessage[] {
  const marker = markerOf(['name themes', themes, taken]);
  const shown = themes.map(({ keywords, examples }, place) => {
    const texts = examples.map(
      ({ text }) => `- ${text.replace(/\s+/g, ' ').slice(0, EXAMPLE_CHARACTERS).toWellFormed()}`,
    );
    const text = [`Keywords: ${keywords.join(', ')}`, 'Documents:', ...texts].join('\n');
    return markedText(marker, `theme ${themeKey(place)}`, text);
  });
  const names = markedText(marker, 'names that are taken', taken.join('\n'));
  const parts = [`The themes to name, ${themes.length} in all:`, ...shown, ...(taken.length === 0 ? [] : [names])];
  return [
    { role: 'system', text: PROMPT.fill({ marker, maxCharacters: String(NAME_MAX_CHARACTERS) }) },
    { role: 'user', parts: [{ kind: 'text', text: parts.join('\n\n') }] },
  ];
}
