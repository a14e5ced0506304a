import type { JsonObject } from '../../shared/json.ts';
import type { DocumentKind } from './document.ts';
import { jiraIssueKey } from './extractors/jira-issue.ts';

/** No word has it: the database's parser breaks at it. So an identifier is never taken for a word, or a word for it. */
const MARK = '=';
const MAX_CHARACTERS = 500;
/** Of a longer query the rest is read as words alone. */
const MAX_NAMED = 16;

/** What people call a document by: its id in its own system, and of a Jira issue its key too. */
export function documentIdentifiers(kind: DocumentKind, externalId: string | null, source: JsonObject): string[] {
  const key = kind === 'JIRA_ISSUE' ? jiraIssueKey(source) : '';
  return [...new Set([externalId ?? '', key])].filter((id) => id !== '' && id.length <= MAX_CHARACTERS);
}

/** An identifier as one lexeme: `MOB-281`, which as text would be the two lexemes `mob` and `-281`. */
export function identifierLexeme(identifier: string): string {
  return `${MARK}${identifier.toLowerCase()}`;
}

/**
 * The lexemes of what may be an identifier in a query: all of it, and each word with letters and digits. A number alone
 * is not looked at inside a longer query, where it counts something.
 */
export function identifiersNamedIn(query: string): string[] {
  const words = query.split(/\s+/).flatMap((word) => {
    const bare = word.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '');
    return /\p{L}/u.test(bare) && /\p{N}/u.test(bare) ? [bare] : [];
  });
  const named = [query.trim(), ...words].filter((id) => id !== '' && id.length <= MAX_CHARACTERS);
  return [...new Set(named.map(identifierLexeme))].slice(0, MAX_NAMED);
}

/** Whether a lexeme stands for an identifier. */
export function isIdentifierLexeme(lexeme: string): boolean {
  return lexeme.startsWith(MARK);
}
