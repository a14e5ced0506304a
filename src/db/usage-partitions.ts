import type { Sql } from 'postgres';

/**
 * Makes the partitions of the attempts that writing needs by now: of this month and of the next one. As the login, which
 * owns the tables; several servers may do so at once.
 * @returns how many were made
 * @throws where the table was too busy for the moment that it takes; until there is one, attempts go to the default partition
 */
export async function makeUsagePartitions(sql: Sql): Promise<number> {
  const [row] = await sql<{ made: number }[]>`select make_usage_partitions() as made`;
  return row?.made ?? 0;
}

/**
 * Drops the months of attempts all of which were made more than so many days ago.
 * @returns how many were dropped
 * @throws where the table was too busy for the moment that it takes
 */
export async function dropUsagePartitions(sql: Sql, days: number): Promise<number> {
  const [row] = await sql<{ dropped: number }[]>`
    select drop_usage_partitions(now() - make_interval(days => ${days})) as dropped`;
  return row?.dropped ?? 0;
}
