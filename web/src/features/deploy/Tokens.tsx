import { type FormEvent, useEffect, useRef, useState } from 'react';
import type { TokenOut } from '../../api/schema';
import { Button } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { Problem } from '../../components/Problem';
import { Table } from '../../components/Table';
import { useRevokeToken, useTokensOf } from '../../data/people';
import { useProject } from '../../data/projects';
import { useMakeToken } from '../../data/tokens';
import { t } from '../../texts';
import { CopyButton } from './CallSection';

/** Tokens of machines: made, shown once, revoked. */
export function Tokens() {
  const { id } = useProject();
  const tokens = useTokensOf(id);
  const [revoking, setRevoking] = useState<TokenOut | null>(null);
  const texts = t.deploy.tokens;
  const states = (token: TokenOut) => texts.states[token.revoked ? 'revoked' : 'valid'];
  return (
    <section className="deploy-part" aria-labelledby="tokens-title">
      <header>
        <h2 id="tokens-title">{texts.title}</h2>
        <p>{texts.text}</p>
      </header>
      <MakeToken />
      {tokens.error && <Problem error={tokens.error} onRetry={() => void tokens.refetch()} />}
      {tokens.data?.length === 0 && <p className="field-hint">{texts.none}</p>}
      {tokens.data && tokens.data.length > 0 && (
        <Table
          caption={texts.list}
          columns={[
            { key: 'name', name: t.session.name, cell: (token) => token.name },
            { key: 'scope', name: texts.scope, cell: (token) => texts.scopes[token.scope] },
            {
              key: 'created',
              name: texts.created,
              cell: (token) => t.common.date(token.created_s),
            },
            { key: 'state', name: texts.state, cell: states },
            {
              key: 'revoke',
              name: texts.action,
              cell: (token) =>
                !token.revoked && (
                  <Button
                    look="quiet"
                    aria-label={texts.revokeOf(token.name)}
                    onClick={() => setRevoking(token)}
                  >
                    {texts.revoke}
                  </Button>
                ),
            },
          ]}
          rows={tokens.data}
          rowKey={(token) => token.id}
        />
      )}
      {revoking && <RevokeDialog token={revoking} onClose={() => setRevoking(null)} />}
    </section>
  );
}

function MakeToken() {
  const [name, setName] = useState('');
  const [scope, setScope] = useState<TokenOut['scope']>('inspect');
  const make = useMakeToken();
  const made = useRef<HTMLDivElement>(null);
  const token = make.data?.token;
  const texts = t.deploy.tokens;
  // It is shown once, and the form stands at the lower edge of the window.
  useEffect(() => {
    if (token) made.current?.scrollIntoView({ block: 'nearest' });
  }, [token]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    make.mutate(
      { name: name.trim(), scope },
      {
        onSuccess: () => {
          setName('');
          setScope('inspect');
        },
      },
    );
  };
  return (
    <>
      <form className="make-token" onSubmit={submit}>
        <label className="field">
          {texts.name}
          <input
            value={name}
            maxLength={80}
            autoComplete="off"
            onChange={(event) => setName(event.target.value)}
          />
        </label>
        <label className="field">
          {texts.scope}
          <select
            value={scope}
            aria-describedby="token-scope-means"
            onChange={(event) => setScope(event.target.value as TokenOut['scope'])}
          >
            {(['inspect', 'project'] as const).map((one) => (
              <option key={one} value={one}>
                {texts.scopes[one]}
              </option>
            ))}
          </select>
        </label>
        <Button type="submit" disabled={name.trim() === '' || make.isPending}>
          {texts.make}
        </Button>
      </form>
      <p id="token-scope-means" className="field-hint">
        {texts.scopeMeans[scope]}
      </p>
      {make.error && <Problem error={make.error} />}
      {make.data && (
        <div ref={made} className="token-made" role="status">
          <p>{texts.made(make.variables?.name ?? '')}</p>
          <div>
            <code>{make.data.token}</code>
            <CopyButton text={make.data.token} />
          </div>
        </div>
      )}
    </>
  );
}

type RevokeDialogProps = { readonly token: TokenOut; readonly onClose: () => void };

function RevokeDialog({ token, onClose }: RevokeDialogProps) {
  const { id } = useProject();
  const revoke = useRevokeToken(id);
  const texts = t.deploy.tokens;
  return (
    <Dialog
      title={texts.revokeTitle(token.name)}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t.common.cancel}</Button>
          <Button
            look="danger"
            disabled={revoke.isPending}
            onClick={() => revoke.mutate(token.id, { onSuccess: onClose })}
          >
            {texts.revoke}
          </Button>
        </>
      }
    >
      <p>{texts.revokeText}</p>
      {revoke.error && <Problem error={revoke.error} />}
    </Dialog>
  );
}
