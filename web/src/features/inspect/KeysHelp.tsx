import { Dialog } from '../../components/Dialog';
import { CheckField } from '../../components/Field';
import { t } from '../../texts';

const KEY = 'offspec-single-keys';

/** Single keys can be switched off: speech input may press them by mistake. */
export const areKeysOn = (): boolean => localStorage.getItem(KEY) !== 'off';

type KeysHelpProps = {
  readonly isOn: boolean;
  readonly onIsOn: (isOn: boolean) => void;
  readonly onClose: () => void;
};

export function KeysHelp({ isOn, onIsOn, onClose }: KeysHelpProps) {
  const texts = t.inspect.queue;
  return (
    <Dialog title={texts.help} onClose={onClose}>
      <dl className="keys-list">
        {texts.keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <CheckField
        label={texts.keysOn}
        value={isOn}
        onChange={(value) => {
          localStorage.setItem(KEY, value ? 'on' : 'off');
          onIsOn(value);
        }}
      />
    </Dialog>
  );
}
