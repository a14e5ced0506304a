import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import type { VectorFigures } from './embedding-quality.ts';

/** Models that a workspace has vectors of, at the most that are told of. */
const MODELS_MAX = 50;

/** Models that have vectors in the workspace: each costs one look into the index, however many vectors it has. */
export async function modelsWithVectors({ sql, workspaceId }: WorkspaceScope): Promise<string[]> {
  const rows = await sql<{ model: string }[]>`
    with recursive found as (
      (select model from chunks where workspace_id = ${workspaceId} order by model limit 1)
      union all
      select (
        select c.model from chunks c where c.workspace_id = ${workspaceId} and c.model > f.model order by c.model limit 1
      ) from found f where f.model is not null
    )
    select model from found where model is not null limit ${MODELS_MAX}`;
  return rows.map(({ model }) => model);
}

export async function countVectors(scope: WorkspaceScope, model: string, collectionId: string | null): Promise<number> {
  const [row] = await scope.sql<{ total: number }[]>`
    select count(*)::int as total from chunks c
    where c.workspace_id = ${scope.workspaceId} and c.model = ${model} and ${inCollection(scope, collectionId)}`;
  return row?.total ?? 0;
}

/** @param oneIn of so many documents one is looked at, always the same ones */
export async function measureVectors(
  scope: WorkspaceScope,
  model: string,
  collectionId: string | null,
  oneIn: number,
): Promise<Omit<VectorFigures, 'total'>> {
  const { sql, workspaceId } = scope;
  const [row] = await sql<Omit<VectorFigures, 'total'>[]>`
    select count(*)::int as sampled, count(*) filter (where norm = 0)::int as zero_vectors,
      count(distinct digest)::int as distinct_vectors, count(distinct dimensions)::int as dimensions,
      coalesce(avg(norm), 0)::float8 as mean_magnitude, coalesce(stddev_pop(norm), 0)::float8 as magnitude_std_dev
    from (
      select coalesce(vector_norm(c.embedding), l2_norm(c.wide_embedding)) as norm,
        coalesce(vector_dims(c.embedding), vector_dims(c.wide_embedding)) as dimensions,
        md5(coalesce(vector_send(c.embedding), halfvec_send(c.wide_embedding)))::uuid as digest
      from chunks c
      where c.workspace_id = ${workspaceId} and c.model = ${model} and ${inCollection(scope, collectionId)}
        and (${oneIn}::int = 1 or hashtext(c.document_id)::int8 % ${oneIn}::int8 = 0)
    ) v`;
  if (row === undefined) throw new Error('an aggregate without groups gives one row');
  return row;
}

/** Documents, and those of them whose text no vector of the model is known to be of. */
export async function countMissing(
  { sql, workspaceId }: WorkspaceScope,
  model: string,
  collectionId: string | null,
): Promise<{ total: number; missing: number }> {
  const [row] = await sql<{ total: number; missing: number }[]>`
    select count(*)::int as total, count(*) filter (where not (
      (d.embedding_status = 'READY' and d.embedding_model = ${model}) or exists (
        select from prepared_embeddings p
        where p.workspace_id = d.workspace_id and p.model = ${model} and p.document_id = d.id
          and p.content_hash = d.content_hash
      )
    ))::int as missing
    from documents d
    where d.workspace_id = ${workspaceId} and (${collectionId}::text is null or d.collection_id = ${collectionId})`;
  return row ?? { total: 0, missing: 0 };
}

function inCollection({ sql }: WorkspaceScope, collectionId: string | null) {
  return collectionId === null
    ? sql`true`
    : sql`c.document_id in (
        select d.id from documents d where d.workspace_id = c.workspace_id and d.collection_id = ${collectionId})`;
}
