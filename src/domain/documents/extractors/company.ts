import { isJsonObject, type JsonObject, type JsonValue } from '../../../shared/json.ts';
import type { Extracted } from './extracted.ts';
import { type Fields, isArray, unwrap } from './json.ts';
import { distinct, inlineValue, labelled, layOut, longValue, nameList } from './values.ts';

const MAX_DEPTH = 6;

/** A company record: a directory's, a register's (Companies House), a CRM's or a data vendor's spelling. */
export function extractCompany(source: JsonObject): Extracted {
  const fields = unwrap(
    source,
    'company',
    'organization',
    'organisation',
    'account',
    'properties',
    'attributes',
    'data',
  );
  const title =
    inlineValue(
      fields.first(
        'name',
        'companyname',
        'legalname',
        'organizationname',
        'businessname',
        'displayname',
        'title',
        'identifier',
      ),
    ) || null;
  const descriptions = fields
    .all(
      'oneliner',
      'tagline',
      'headline',
      'slogan',
      'shortdescription',
      'description',
      'longdescription',
      'fulldescription',
      'about',
      'overview',
      'summary',
      'bio',
      'businessdescription',
      'companydescription',
    )
    .map((value) => longValue(value));
  const text = layOut(title ?? '', ...descriptions, [
    labelled(
      'Industry',
      nameList(
        ...fields.all('industry', 'industryname', 'sector', 'vertical', 'subindustry', 'industries', 'industrygroup'),
      ),
    ),
    labelled('SIC codes', sicCodes(fields)),
    labelled(
      'Categories',
      nameList(
        ...fields.all('categories', 'category', 'categorylist', 'categorygroups', 'tags', 'keywords', 'specialties'),
      ),
    ),
    labelled('Website', domain(fields)),
  ]);
  return { title, text };
}

/** `sic`, `siccodes`, `SIC_Code_1`, `SICCode.SicText_1`, or an object of such: codes with the words that explain them. */
function sicCodes(fields: Fields): string {
  const values = fields.matching(
    /^(?:primary|uk|us)?sic(?!k)(?:codes?|2007|text|descriptions?|industry)*(?:sictext)?\d*$/,
  );
  return distinct(values.flatMap((value) => sicTexts(value))).join(', ');
}

function sicTexts(value: JsonValue, depth = 0): string[] {
  if (depth > MAX_DEPTH) return [];
  if (isArray(value)) return value.flatMap((element) => sicTexts(element, depth + 1));
  if (!isJsonObject(value)) return [inlineValue(value)];
  return [
    distinct(Object.values(value).flatMap((inner) => (inner === undefined ? [] : sicTexts(inner, depth + 1)))).join(
      ' ',
    ),
  ];
}

/** The website's host without `www.`; a plain `url` is asked last, as it is often the address of the record itself. */
function domain(fields: Fields): string {
  const given = fields.first(
    'website',
    'websiteurl',
    'websitedomain',
    'domain',
    'domainname',
    'homepage',
    'homepageurl',
    'companyurl',
    'web',
    'webaddress',
    'primarydomain',
    'url',
    'link',
  );
  const address = firstAddress(given);
  if (address === '') return '';
  const url = URL.parse(/^[a-z][a-z\d+.-]*:\/\//i.test(address) ? address : `https://${address}`);
  return url === null ? address : url.hostname.replace(/^www\./, '');
}

function firstAddress(value: JsonValue | undefined, depth = 0): string {
  if (depth > MAX_DEPTH) return '';
  if (typeof value === 'string') return value.trim();
  if (isArray(value)) return firstAddress(value[0], depth + 1);
  if (isJsonObject(value)) return firstAddress(value.value ?? value.url ?? value.domain ?? undefined, depth + 1);
  return '';
}
