import { familyOf } from './prototype-families.ts';
import type { Taxonomy, TaxonomyDimension } from './taxonomy.ts';

function dimension(name: string, family: string): TaxonomyDimension {
  const labels = Object.entries(familyOf(family)).map(([label, bank]) => ({ name: label, ...bank }));
  return { name, multi: false, openEnded: false, labels };
}

/**
 * The taxonomies that every workspace has.
 *
 * `product_area` has no labels here: products differ. It stays empty until a workspace names its areas in a taxonomy of
 * its own or a text says its area itself (see `ClassifierInput.hints`).
 */
export const BUILT_IN_TAXONOMIES: readonly Taxonomy[] = [
  {
    name: 'feedback',
    builtIn: true,
    dimensions: [
      dimension('type', 'feedback'),
      { name: 'product_area', multi: false, openEnded: true, labels: [] },
      dimension('urgency', 'urgency'),
    ],
  },
  { name: 'sentiment', builtIn: true, dimensions: [dimension('sentiment', 'sentiment')] },
  { name: 'intent', builtIn: true, dimensions: [dimension('intent', 'intent')] },
  { name: 'support_priority', builtIn: true, dimensions: [dimension('priority', 'support priority')] },
];
