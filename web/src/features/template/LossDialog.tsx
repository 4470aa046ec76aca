import { Button } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { t } from '../../texts';

type LossProps = { readonly onKeep: () => void; readonly onGo: () => void };

/** Asks before drawings that are not saved are replaced. */
export function LossDialog({ onKeep, onGo }: LossProps) {
  return (
    <Dialog
      title={t.template.lossReplace}
      onClose={onKeep}
      actions={
        <>
          <Button onClick={onKeep}>{t.template.lossKeep}</Button>
          <Button look="danger" onClick={onGo}>
            {t.template.lossGo}
          </Button>
        </>
      }
    >
      <p>{t.template.lossText}</p>
    </Dialog>
  );
}
