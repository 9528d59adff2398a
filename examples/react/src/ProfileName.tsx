import { type FormEvent, useState } from 'react';
import { useMutation } from 'urql';
import { ErrorNote } from './ErrorNote.tsx';
import { type FragmentType, graphql, unmask } from './gql/index.ts';

const ProfileNameFragment = graphql(/* GraphQL */ `
  fragment ProfileName on Profile {
    id
    profileId
    source
    name
  }
`);

const RenameDocument = graphql(/* GraphQL */ `
  mutation Rename($input: ProfileInput!) {
    updateProfile(input: $input) {
      profile {
        ...ProfileName
      }
      userErrors {
        code
        message
        field
      }
    }
  }
`);

/** An editable name. The new name is shown at once, and reverted if the gateway refuses it. */
export function ProfileName(props: { profile: FragmentType<typeof ProfileNameFragment> }) {
  const profile = unmask(ProfileNameFragment, props.profile);
  const [editing, setEditing] = useState(false);
  const [{ data, error }, rename] = useMutation(RenameDocument);

  const save = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get('name'));
    setEditing(false);
    const { profileId, source } = profile;
    void rename({ input: { profileId, source, name } });
  };

  return (
    <>
      {editing ? (
        <form onSubmit={save}>
          <input name="name" aria-label="Name" defaultValue={profile.name ?? ''} />
          <button type="submit">Save</button>
        </form>
      ) : (
        <>
          <span>{profile.name}</span>{' '}
          <button type="button" onClick={() => setEditing(true)} aria-label={`Rename ${profile.name}`}>
            Rename
          </button>
        </>
      )}
      {data?.updateProfile?.userErrors.map(({ code, message, field }) => (
        <em key={code} role="alert">
          {code === 'REJECTED' ? 'The API refused it' : `Correct ${field?.join('.')}`}: {message}
        </em>
      ))}
      {error && <ErrorNote error={error} />}
    </>
  );
}
