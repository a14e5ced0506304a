import type { AgentRunContext } from '../agent-type.ts';
import { type CompanyRecord, companyRecord } from './company-record.ts';
import { isWon, type WonCompanies } from './won-companies.ts';

type Run = Pick<AgentRunContext<unknown, unknown>, 'tools' | 'step'>;

/** What scores of `similarCompanies` mean in this workspace, which differs by embedding model and by what companies it has. */
export type LikenessScale = {
  /** The score at which a company is as like one that buys as those are like each other. */
  near: number;
  /** The score of companies that merely have a text too. */
  far: number;
};

/** How like a company is to those that buy, by what their documents say. */
export type WonLikeness = {
  /** 0 to 1 on the workspace's scale; null: none of them is among the companies nearest to it. */
  value: number | null;
  nearest: { record: CompanyRecord; score: number } | null;
};

const NEIGHBOURS = 50;
/** Of those that buy, from which the scale is made. */
const SCALED_BY = 8;
/** The lower end, where the fiftieth neighbour is near too because there are very many companies. */
const FAR_SHARE = 0.75;
/** Value of a company at the upper end. */
const NEAR_VALUE = 0.8;

/** Null: too few companies buy, or none has a vector. Up to 8 calls. */
export function findLikenessScale(run: Run, won: WonCompanies): Promise<LikenessScale | null> {
  return run.step('see how alike the companies that buy are', async () => {
    const near: number[] = [];
    const far: number[] = [];
    for (const { id } of won.companies.slice(0, SCALED_BY)) {
      const found = (await run.tools.similarCompanies(id, NEIGHBOURS)).filter(({ document }) => document.id !== id);
      const alike = found.find(({ document }) => isWon(document, won));
      if (alike !== undefined) near.push(alike.score);
      const last = found.at(-1);
      if (last !== undefined) far.push(last.score);
    }
    return scaleOf(near, far);
  });
}

/** @param near scores of the companies that buy with the one of them that is nearest */
export function scaleOf(near: readonly number[], far: readonly number[]): LikenessScale | null {
  const upper = median(near);
  const lower = median(far);
  if (upper === null || lower === null || upper <= 0) return null;
  return { near: upper, far: Math.min(lower, FAR_SHARE * upper) };
}

/** 0 at the scale's lower end, 0.8 where a company is as like as those that buy are, 1 for more. */
export function onScale(score: number, { near, far }: LikenessScale): number {
  return Math.min(1, Math.max(0, (NEAR_VALUE * (score - far)) / (near - far)));
}

/** One call. */
export async function wonLikeness(
  { tools }: Pick<Run, 'tools'>,
  companyId: string,
  won: WonCompanies,
  scale: LikenessScale | null,
): Promise<WonLikeness> {
  if (won.companies.length === 0) return { value: null, nearest: null };
  const found = (await tools.similarCompanies(companyId, NEIGHBOURS)).filter(
    ({ document }) => document.id !== companyId,
  );
  const best = found.find(({ document }) => isWon(document, won));
  if (best === undefined) return { value: null, nearest: null };
  const score = Math.round(best.score * 1_000) / 1_000;
  const value = scale === null ? null : Math.round(onScale(best.score, scale) * 1_000) / 1_000;
  return { value, nearest: { record: companyRecord(best.document, won.rule), score } };
}

function median(numbers: readonly number[]): number | null {
  const sorted = [...numbers].sort((left, right) => left - right);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}
