import type { WorkspaceScope } from '../../../db/workspace-scope.ts';
import type { RunReach } from './run-reach.ts';

/** Ways in which a reference can name a company, the surest first. */
const WAYS = 4;
/** Beyond two it does not matter how many there are. */
const LOOKED_AT = 2;

/** What companies are called beside their names, and left out by whoever speaks of them. */
const LEGAL_FORMS =
  '\\m(limited|ltd|llp|llc|plc|inc|incorporated|corp|corporation|company|co|gmbh|ag|sarl|sas|sa|bv|nv|oy|ab|aps|spa|srl|pty|holdings|group|the)\\M';

/**
 * The company that a reference names: by its id, its external id, its title, or its title without its legal form.
 * @returns its id; null where there is none, or several are named equally well
 */
export async function findCompanyId(scope: WorkspaceScope, reach: RunReach, reference: string): Promise<string | null> {
  const { sql, workspaceId } = scope;
  const named = reference.trim();
  if (named === '') return null;
  const plain = (name: ReturnType<typeof sql>) => sql`
    trim(regexp_replace(regexp_replace(regexp_replace(lower(${name}), '[.,''’]', '', 'g'), ${LEGAL_FORMS}, ' ', 'g'),
      '[^[:alnum:]&]+', ' ', 'g'))`;
  const collections = reach.collectionIds === null ? null : [...reach.collectionIds];
  const rows = await sql<{ id: string; way: number }[]>`
    with wanted as (select ${plain(sql`${named}::text`)} as plain)
    select id, way from (
      select d.id, case
        when d.id = ${named} then 1
        when d.external_id = ${named} then 2
        when lower(d.title) = lower(${named}) then 3
        when wanted.plain <> '' and ${plain(sql`d.title`)} = wanted.plain then 4
      end as way
      from documents d cross join wanted
      where d.workspace_id = ${workspaceId} and d.kind = 'COMPANY'
        and (${collections}::text[] is null or d.collection_id = any(${collections}::text[]))
    ) named where way <= ${WAYS} order by way, id limit ${LOOKED_AT}`;
  const [best, next] = rows;
  if (best === undefined || (next !== undefined && next.way === best.way)) return null;
  return best.id;
}
