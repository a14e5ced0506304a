import type { DocumentFilter, DocumentKind } from '../../../documents/document.ts';
import type { Series } from '../../agent-tools.ts';

/** Of which series those whose names begin so are the parts. */
const WHOLES: readonly (readonly [prefix: string, whole: string])[] = [
  ['collection:', 'documents'],
  ['kind:', 'documents'],
  ['class:', 'documents'],
  ['theme:', 'documents'],
  ['usage:', 'usage'],
  ['cost:', 'cost'],
];

export function isPart(part: string, whole: string): boolean {
  return WHOLES.some(([prefix, name]) => part.startsWith(prefix) && name === whole);
}

export function partsOf(whole: string, all: readonly Series[]): Series[] {
  return all.filter(({ name }) => isPart(name, whole));
}

/** Which documents a series counts; null: it counts none. */
export function documentsOf(series: string): DocumentFilter | null {
  if (series === 'documents') return {};
  const name = series.slice(series.indexOf(':') + 1);
  if (series.startsWith('collection:')) return { collectionIds: [name] };
  if (series.startsWith('kind:')) return { kinds: [name as DocumentKind] };
  if (series.startsWith('class:')) return { classification: { taxonomy: 'feedback', labels: [name] } };
  if (series.startsWith('theme:')) return { themeIds: [name] };
  if (series === 'sentiment' || series === 'sentiment:negative') {
    return { classification: { taxonomy: 'sentiment', labels: ['NEGATIVE'] } };
  }
  return null;
}
