import type { FC, ReactNode } from 'react';

/** A method with a path template. Lines may break after slashes. */
export const Endpoint: FC<{ name: string }> = ({ name }) => (
  <code>
    <Breakable text={name} after="/" />
  </code>
);

/** Text whose lines may break after a given character. */
export const Breakable: FC<{ text: string; after: string }> = ({ text, after }) =>
  text.split(after).flatMap((part, index): ReactNode[] =>
    // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text
    index === 0 ? [part] : [after, <wbr key={index} />, part],
  );
