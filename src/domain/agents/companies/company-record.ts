import { isJsonObject, type JsonObject, type JsonValue } from '../../../shared/json.ts';
import type { Document } from '../../documents/document.ts';
import { Fields, isArray } from '../../documents/extractors/json.ts';
import { inlineValue } from '../../documents/extractors/values.ts';
import { companyNames } from '../evidence/company-names.ts';

/**
 * Where a company stands with the workspace's owner: it buys (`WON`), it did or was asked and said no (`GONE`), it is a
 * partner, supplier or rival (`OTHER`), or none of these (`OPEN`).
 */
export type Outcome = 'WON' | 'GONE' | 'OTHER' | 'OPEN';

/** What agents compare of a company: plain JSON, a few hundred bytes. */
export type CompanyRecord = {
  id: string;
  name: string;
  outcome: Outcome;
  /** As its document says, e.g. `prospect`. */
  stage: string | null;
  industry: string | null;
  categories: string[];
  region: string | null;
  employees: number | null;
  /** Who looks after it, as its document says. */
  owner: string | null;
};

/** Metadata that companies which buy have; it stands in `DocumentFilter.metadata` too. */
export type WonRule = JsonObject;

/** Where CRMs keep the stage, normalised, the surest first. */
const STAGE_FIELDS = [
  ...['stage', 'lifecyclestage', 'lifecycle', 'customerstatus', 'accountstatus', 'dealstage', 'dealstatus'],
  ...['relationship', 'accounttype', 'customertype', 'status'],
] as const;
const WON_VALUES =
  /^(?:(?:active|existing|current|paying|live|won)?(?:customer|client)|(?:closed)?won|live|evangelist|onboarded)$/;
const GONE_VALUES =
  /^(?:(?:closed)?lost|churned?|(?:former|ex|past|lapsed|inactive)(?:customer|client)?|cancelled|canceled|disqualified|unqualified|rejected|donotcontact|optedout|dead)$/;
const OTHER_VALUES = /^(?:partner|reseller|integrator|agency|supplier|vendor|competitor|investor|internal|other)$/;

/** @param won of companies that buy, beside those whose stage is called so; null: there is no such rule */
export function companyRecord(document: Document, won: WonRule | null): CompanyRecord {
  const fields = new Fields(document.metadata, ...envelopesOf(document.source), document.source);
  const stage = stageOf(fields);
  return {
    id: document.id,
    name: companyNames(document).name.slice(0, 120),
    outcome: outcomeOf(document.metadata, stage, won),
    stage,
    industry: shortText(fields.first('industry', 'industryname', 'sector', 'vertical')),
    categories: categoriesOf(fields),
    region: shortText(fields.first('region', 'country', 'countryname', 'countrycode', 'territory')),
    employees: employeesOf(fields.first('employees', 'employeecount', 'numberofemployees', 'headcount', 'companysize')),
    owner: shortText(fields.first('owner', 'ownername', 'accountowner', 'accountmanager', 'salesowner')),
  };
}

/** The metadata by which a company is known to buy, e.g. `{ stage: 'customer' }`; null: its metadata has no such value. */
export function wonMetadata(metadata: JsonObject): WonRule | null {
  for (const wanted of STAGE_FIELDS) {
    for (const [key, value] of Object.entries(metadata)) {
      if (new Fields({ [key]: value }).first(wanted) === undefined || typeof value !== 'string') continue;
      if (WON_VALUES.test(normalised(value))) return { [key]: value };
    }
  }
  return null;
}

function outcomeOf(metadata: JsonObject, stage: string | null, won: WonRule | null): Outcome {
  if (won !== null && contains(metadata, won)) return 'WON';
  const said = normalised(stage ?? '');
  if (GONE_VALUES.test(said)) return 'GONE';
  if (OTHER_VALUES.test(said)) return 'OTHER';
  return WON_VALUES.test(said) ? 'WON' : 'OPEN';
}

/** As Postgres' `@>` on JSON: each key and value of `part` is in `whole`, also nested. */
export function contains(whole: JsonValue | undefined, part: JsonValue): boolean {
  if (isArray(part)) return isArray(whole) && part.every((inner) => whole.some((each) => contains(each, inner)));
  if (!isJsonObject(part)) return whole === part || (isArray(whole) && whole.includes(part));
  return isJsonObject(whole) && Object.entries(part).every(([key, value]) => contains(whole[key], value));
}

function stageOf(fields: Fields): string | null {
  const said = STAGE_FIELDS.map((field) => shortText(fields.first(field))).filter((value) => value !== null);
  const isKnown = (value: string) =>
    [WON_VALUES, GONE_VALUES, OTHER_VALUES].some((values) => values.test(normalised(value)));
  return said.find(isKnown) ?? said[0] ?? null;
}

function envelopesOf(source: JsonObject): JsonObject[] {
  return [source.company, source.organization, source.properties, source.attributes].filter(isJsonObject);
}

function categoriesOf(fields: Fields): string[] {
  const said = fields
    .all('categories', 'category', 'tags', 'keywords', 'specialties')
    .flatMap((value) => (isArray(value) ? value : [value]))
    .flatMap((value) => inlineValue(value).split(/\s*[,;]\s*/u))
    .map((value) => value.slice(0, 60))
    .filter((value) => value !== '');
  return [...new Set(said)].slice(0, 12);
}

/** `640`, `"640"`, `"501-1,000"` (its middle), `{ "min": 501, "max": 1000 }`. */
function employeesOf(value: JsonValue | undefined): number | null {
  const text = isJsonObject(value) ? Object.values(value).map(String).join(' – ') : String(value ?? '');
  const numbers = (text.match(/\d{1,3}(?:[,. ]\d{3})+(?!\d)|\d+/gu) ?? [])
    .slice(0, 2)
    .map((each) => Number(each.replace(/[,. ]/gu, '')));
  if (numbers.length === 0 || numbers.some((number) => number < 1 || number > 10_000_000)) return null;
  return Math.round(numbers.reduce((sum, number) => sum + number, 0) / numbers.length);
}

function shortText(value: JsonValue | undefined): string | null {
  return inlineValue(value).slice(0, 120) || null;
}

function normalised(value: string): string {
  return value.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
}
