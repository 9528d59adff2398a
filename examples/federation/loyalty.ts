import { type Running, startSubgraph } from './subgraph.ts';

interface Member {
  readonly memberId: string;
  readonly points: number;
  readonly profileId: string;
  readonly source: string;
}

/** Members by the profile ids of the sandbox. The last member has no profile. */
const MEMBERS: readonly Member[] = [
  ...Array.from({ length: 100 }, (_, index) => ({
    memberId: `m-${index}`,
    points: index * 10,
    profileId: String(1001 + (index % 40)),
    source: 'Webshop',
  })),
  { memberId: 'm-gone', points: 5, profileId: 'nobody', source: 'Webshop' },
];

/** The loyalty programme: extends Profile by the key `profileId source`. */
export function startLoyalty(port: number): Promise<Running> {
  const find = (id: string): Member | null => MEMBERS.find(({ memberId }) => memberId === id) ?? null;
  return startSubgraph('loyalty', port, {
    Query: {
      member: (_root, { memberId }: { memberId: string }) => find(memberId),
      members: (_root, { memberIds }: { memberIds: string[] }) => memberIds.map(find),
      broken: () => {
        throw new Error('The loyalty programme is closed.');
      },
    },
    Member: {
      __resolveReference: ({ memberId }: Member) => find(memberId),
      profile: ({ profileId, source }: Member) => ({ __typename: 'Profile', profileId, source }),
    },
    Profile: {
      points: ({ profileId, source }: Member) =>
        MEMBERS.find((member) => member.profileId === profileId && member.source === source)?.points ?? null,
      shipsFree: ({ country }: { country?: string | null }) => (country ? country === 'The Netherlands' : null),
    },
  });
}
