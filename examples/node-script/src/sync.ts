import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { GraphQLClient } from 'graphql-request';
import type { ProfileInput, UpsertMutation } from './gql/graphql.ts';
import { graphql } from './gql/index.ts';

const Upsert = graphql(/* GraphQL */ `
  mutation Upsert($items: [ProfileInput!]!, $resumeToken: String) {
    bulkUpsertProfiles(input: { items: $items, resumeToken: $resumeToken }) {
      results {
        index
        outcome
        userErrors {
          message
        }
      }
      resumeToken
    }
  }
`);

const PER_MUTATION = 1_000;
const TRIES = 5;

export interface Synced {
  upserted: number;
  /** Reasons of rejected profiles. */
  readonly rejected: { readonly profileId: string | number; readonly reason: string }[];
}

/**
 * Writes any number of profiles. It keeps 1,000 of them in memory.
 *
 * @throws Error when profiles are not written after five attempts; earlier profiles are written
 */
export async function syncProfiles(
  client: GraphQLClient,
  people: AsyncIterable<ProfileInput> | Iterable<ProfileInput>,
): Promise<Synced> {
  const synced: Synced = { upserted: 0, rejected: [] };
  let items: ProfileInput[] = [];
  for await (const person of people) {
    items.push(person);
    if (items.length === PER_MUTATION) {
      await writeAll(client, items, synced);
      items = [];
    }
  }
  if (items.length > 0) await writeAll(client, items, synced);
  return synced;
}

/** Sends one mutation, and resumes it while items are `NOT_ATTEMPTED` or `UNKNOWN`. */
async function writeAll(client: GraphQLClient, items: ProfileInput[], synced: Synced): Promise<void> {
  let resumeToken: string | null = null;
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const { bulkUpsertProfiles: payload }: UpsertMutation = await client.request(Upsert, { items, resumeToken });
    if (!payload) throw new Error('The gateway did not take the mutation.');
    resumeToken = payload.resumeToken;
    if (resumeToken === null) {
      for (const { index, outcome, userErrors } of payload.results) {
        const reason = userErrors.map(({ message }) => message).join(' ');
        if (outcome === 'UPSERTED') synced.upserted += 1;
        else synced.rejected.push({ profileId: items[index]?.profileId ?? '', reason });
      }
      return;
    }
    await sleep(2 ** attempt * 100);
  }
  throw new Error(`Some of ${items.length} profiles could not be written in ${TRIES} tries.`);
}

/** `node src/sync.ts FILE`: one JSON object per line, each a `ProfileInput`. */
if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [file = ''] = process.argv.slice(2);
  const client = new GraphQLClient(process.env.GATEWAY_URL ?? 'http://localhost:4000/graphql');
  async function* people(): AsyncGenerator<ProfileInput> {
    for await (const line of createInterface(createReadStream(file))) yield JSON.parse(line) as ProfileInput;
  }
  const { upserted, rejected } = await syncProfiles(client, people());
  console.log(`${upserted} written, ${rejected.length} rejected`);
  for (const { profileId, reason } of rejected) console.log(`${profileId}: ${reason}`);
}
