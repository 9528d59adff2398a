import { type FragmentType, graphql, unmask } from './gql/index.ts';

const ProfileNameFragment = graphql(/* GraphQL */ `
  fragment ProfileName on Profile {
    id
    profileId
    source
    name
  }
`);

/** A customer's name. */
export function ProfileName(props: { profile: FragmentType<typeof ProfileNameFragment> }) {
  const { name } = unmask(ProfileNameFragment, props.profile);
  return <span className="name">{name ?? 'No name'}</span>;
}
