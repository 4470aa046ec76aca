/** Name and password. */

import { type FormEvent, useId, useState } from 'react';
import { Button } from '../../components/Button';
import { Problem } from '../../components/Problem';
import { useSignIn } from '../../data/session';
import { t } from '../../texts';
import './home.css';

type SignInProps = {
  /** Whose session has ended. */
  readonly name?: string;
};

export function SignIn({ name: before }: SignInProps) {
  const [name, setName] = useState(before ?? '');
  const [password, setPassword] = useState('');
  const signIn = useSignIn();
  const id = useId();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate({ name, password });
  };
  return (
    <main className="sign-in">
      <form onSubmit={submit}>
        <p className="brand">
          <strong>{t.app.name}</strong> <span>{t.app.studio}</span>
        </p>
        <h1>{t.session.title}</h1>
        {before !== undefined && <p role="status">{t.session.ended(before)}</p>}
        <label htmlFor={`${id}-name`}>{t.session.name}</label>
        <input
          id={`${id}-name`}
          autoComplete="username"
          // biome-ignore lint/a11y/noAutofocus: the page has one purpose
          autoFocus={before === undefined}
          required
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <label htmlFor={`${id}-password`}>{t.session.password}</label>
        <input
          id={`${id}-password`}
          type="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        {signIn.error && <Problem error={signIn.error} />}
        <Button type="submit" look="primary" disabled={signIn.isPending}>
          {t.session.signIn}
        </Button>
        {before === undefined && <p className="field-hint">{t.session.first}</p>}
      </form>
    </main>
  );
}
