/** Whether the audit log is whole, and the hash to keep elsewhere. */

import type { Chain } from '../../api/schema';
import { Button } from '../../components/Button';
import { Problem } from '../../components/Problem';
import { useNotify } from '../../components/Toasts';
import { useVerifyChain } from '../../data/upkeep';
import { t } from '../../texts';

const texts = t.administration.audit;

export function ChainCheck() {
  const verify = useVerifyChain();
  return (
    <section className="chain">
      <Button icon="quality" disabled={verify.isPending} onClick={() => verify.mutate()}>
        {texts.verify}
      </Button>
      <div role="status">{verify.data && <Found chain={verify.data} />}</div>
      {verify.error && <Problem error={verify.error} />}
    </section>
  );
}

function Found({ chain }: { readonly chain: Chain }) {
  const notify = useNotify();
  const copy = () => navigator.clipboard.writeText(chain.head).then(() => notify(texts.copied));
  if (chain.broken_at !== null)
    return <p className="chain-broken">{texts.broken(chain.broken_at)}</p>;
  return (
    <>
      <p>
        <strong className="chain-whole">{texts.whole(chain.events)}</strong> {texts.head}:{' '}
        <code className="hash">{chain.head}</code>{' '}
        {window.isSecureContext && (
          <button type="button" className="text-button" onClick={() => void copy()}>
            {texts.copy}
          </button>
        )}
      </p>
      <p className="field-hint">{texts.headHint}</p>
    </>
  );
}
