import { type FormEvent, useState } from 'react';
import { useMutation } from 'urql';
import { ErrorNote } from './ErrorNote.tsx';
import { type FragmentType, graphql, unmask } from './gql/index.ts';

const RenameFormFragment = graphql(/* GraphQL */ `
  fragment RenameForm on Profile {
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
        ...RenameForm
      }
      userErrors {
        code
        message
        field
      }
    }
  }
`);

/** A customer's name, to edit. The new name is shown at once, and reverted if the gateway refuses it. */
export function RenameForm(props: { profile: FragmentType<typeof RenameFormFragment> }) {
  const { profileId, source, name } = unmask(RenameFormFragment, props.profile);
  const [editing, setEditing] = useState(false);
  const [{ data, error, fetching }, rename] = useMutation(RenameDocument);

  const save = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const typed = String(new FormData(event.currentTarget).get('name'));
    setEditing(false);
    void rename({ input: { profileId, source, name: typed } });
  };

  return (
    <>
      {editing ? (
        <form onSubmit={save}>
          {/* biome-ignore lint/a11y/noAutofocus: The user has just asked for this field. */}
          <input name="name" aria-label="Name" defaultValue={name ?? ''} autoComplete="off" autoFocus />
          <button type="submit">Save</button>
          <button type="button" className="quiet" onClick={() => setEditing(false)}>
            Cancel
          </button>
        </form>
      ) : (
        <h3 className="heading">
          <span className="avatar" aria-hidden="true">
            {initials(name)}
          </span>
          <span className="name">{name ?? 'No name'}</span>
          <button type="button" className="quiet" onClick={() => setEditing(true)}>
            Rename
          </button>
          {fetching && <small role="status">Saving…</small>}
        </h3>
      )}
      {data?.updateProfile?.userErrors.map(({ code, message, field }) => (
        <p key={code} className="note" role="alert">
          {code === 'REJECTED' ? 'The API refused it' : `Correct ${field?.join('.')}`}: {message}
        </p>
      ))}
      {error && <ErrorNote error={error} />}
    </>
  );
}

function initials(name: string | null | undefined): string {
  const words = (name ?? '?').split(/\s+/);
  return [words[0], words.length > 1 ? words.at(-1) : ''].map((word) => [...(word ?? '')][0] ?? '').join('');
}
