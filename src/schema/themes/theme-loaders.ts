import DataLoader from 'dataloader';
import type { Theme } from '../../domain/themes/theme.ts';
import type { GraphRequest } from '../request.ts';

/** Themes and what is counted of them: one query for a page. */
export interface ThemeLoaders {
  theme: DataLoader<string, Theme | null>;
  /** By the document's id; null for one that was not sorted yet. */
  themesOfDocument: DataLoader<string, Theme[] | null>;
  themeDocumentCount: DataLoader<string, number>;
  themeTrend: DataLoader<Theme, number | null, string>;
}

const MAX_BATCH = 500;

export function themeLoaders({ services, caller }: GraphRequest): ThemeLoaders {
  return {
    theme: new DataLoader(
      async (ids) => {
        const found = new Map((await services.themes.find(caller, ids)).map((theme) => [theme.id, theme]));
        return ids.map((id) => found.get(id) ?? null);
      },
      { maxBatchSize: MAX_BATCH },
    ),
    themesOfDocument: new DataLoader((ids) => services.themes.ofDocuments(caller, ids), { maxBatchSize: MAX_BATCH }),
    themeDocumentCount: new DataLoader((ids) => services.themes.documentCounts(caller, ids), {
      maxBatchSize: MAX_BATCH,
    }),
    themeTrend: new DataLoader((themes) => services.themes.trends(caller, themes), {
      maxBatchSize: MAX_BATCH,
      cacheKeyFn: ({ id }) => id,
    }),
  };
}
