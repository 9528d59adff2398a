import type { FC, ReactNode } from 'react';

/** A method and path template, which may break at its slashes. */
export const Endpoint: FC<{ name: string }> = ({ name }) => (
  <code>
    <Breakable text={name} after="/" />
  </code>
);

/** Text in which a line may end after a character. */
export const Breakable: FC<{ text: string; after: string }> = ({ text, after }) =>
  text.split(after).flatMap((part, index): ReactNode[] =>
    // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text
    index === 0 ? [part] : [after, <wbr key={index} />, part],
  );
