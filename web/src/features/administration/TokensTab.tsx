/** Tokens of machines, and their end. */

import { useState } from 'react';
import type { ProjectOut, TokenOut } from '../../api/schema';
import { Button } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { Problem } from '../../components/Problem';
import { Table } from '../../components/Table';
import { useNotify } from '../../components/Toasts';
import { pageLink } from '../../data/links';
import { useRevokeToken, useTokensOf } from '../../data/people';
import { t } from '../../texts';
import { ProjectChoice } from './ProjectChoice';

const texts = t.administration.tokens;

export function TokensTab() {
  return (
    <div className="tab-body tab-narrow">
      <ProjectChoice>{(project) => <Tokens key={project.id} project={project} />}</ProjectChoice>
    </div>
  );
}

function Tokens({ project }: { readonly project: ProjectOut }) {
  const tokens = useTokensOf(project.id);
  const [ending, setEnding] = useState<TokenOut | null>(null);
  const found = tokens.data ?? [];
  return (
    <>
      <p className="tab-about">{texts.about}</p>
      {tokens.error && <Problem error={tokens.error} onRetry={() => void tokens.refetch()} />}
      {tokens.data && found.length === 0 && (
        <p>
          {texts.none} <a href={pageLink(project.id, 'deploy')}>{texts.go}</a>
        </p>
      )}
      {found.length > 0 && (
        <Table
          caption={texts.caption(project.name)}
          columns={[
            { key: 'name', name: texts.name, cell: (token) => token.name },
            {
              key: 'scope',
              name: texts.scope,
              cell: (token) => t.deploy.tokens.scopes[token.scope],
            },
            { key: 'made', name: texts.made, cell: (token) => t.common.date(token.created_s) },
            {
              key: 'state',
              name: texts.state,
              cell: (token) => (token.revoked ? texts.revoked : texts.works),
            },
            {
              key: 'actions',
              name: t.administration.users.actions,
              cell: (token) =>
                !token.revoked && (
                  <span className="row-actions">
                    <Button
                      look="quiet"
                      aria-label={texts.revokeOf(token.name)}
                      onClick={() => setEnding(token)}
                    >
                      {texts.revoke}
                    </Button>
                  </span>
                ),
            },
          ]}
          rows={found}
          rowKey={(token) => token.id}
        />
      )}
      {ending && <Revoke projectId={project.id} token={ending} onClose={() => setEnding(null)} />}
    </>
  );
}

type RevokeProps = {
  readonly projectId: string;
  readonly token: TokenOut;
  readonly onClose: () => void;
};

function Revoke({ projectId, token, onClose }: RevokeProps) {
  const revoke = useRevokeToken(projectId);
  const notify = useNotify();
  const end = () =>
    revoke.mutate(token.id, {
      onSuccess: () => {
        notify(texts.done(token.name));
        onClose();
      },
    });
  return (
    <Dialog
      title={texts.sureTitle}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t.common.cancel}</Button>
          <Button look="danger" disabled={revoke.isPending} onClick={end}>
            {texts.revoke}
          </Button>
        </>
      }
    >
      <p>{texts.sure(token.name)}</p>
      {revoke.error && <Problem error={revoke.error} />}
    </Dialog>
  );
}
