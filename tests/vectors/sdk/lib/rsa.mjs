// Two made-up RSA keys, whose signatures are the same in every run. No sender uses them.
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';

const key = (pkcs8) => createPrivateKey({ key: Buffer.from(pkcs8.join(''), 'base64'), format: 'der', type: 'pkcs8' });

export const RSA_KEY = key([
  'MIIEvwIBADANBgkqhkiG9w0BAQEFAASCBKkwggSlAgEAAoIBAQDtjxBOs5iCxzU2M8+rnKq31tyD3STLW1AkmRepKUxyZ9Zm/OjPBn8gc9Y1GM',
  'eHzNKh/qwOPiMaLASVHCUczq8fL74n83BSHjDhFTwFOXYQAwfE7Fzu4ObI3/RnBS4jJrQwydh6vcqHQNtRFuD5RBS4CFONHdGlBXXsRNk1IWTK',
  'LGeras18b51flkXBOe+X3JV/xxP79UUSeyPRcUDJVUgIl/9DlzF0DI7Gb2lDJkaK6HndMdRTTPL7yR2/jkPAMjU+b3X0q4zpoG9mtiCDlOz+TO',
  'qj8ebZXqmkS5kz5TW19owxBo2OlXCZ7oy5BpbQ6yTA25OTHc1vk/yjyZw/6jLbAgMBAAECggEABxkw/UR4j0/VrqPMjMlZEtrt4aCITza1ATU9',
  'Ty78KTprXjvfRHBiZl1Gl5ncPHVuWBn8mQTslnMLaSbtkq44ExlYZdXHypDyGGMeDAMPilnM1Hz5TDVx5s/YDkwAwhHY2tDtNnkh6meRuGRKnv',
  'FLj3sQNlofdrUpWXe3emU7VlX/vNiHWMH/2v4aLKlE2fMKbFa3ZN5H2oqlZQFonn9qtfhFAKruXoALrKUC4aP/XnBjMQRhdt02Tt+R7jxZIQYZ',
  'oAea+26tkaN5nbs10e/F/RZbmsx7vxAqQEe5mnca1ySut7czZYb9/ZosgIiDjZSTFjQw8zBos3ZBMmf6eKdJQQKBgQD/qqrr7AcOzDfxdpWHAr',
  'tIJ6lsW5B30ryo4oDymK/+fDfwTGF2iHJRLqKLjVElbPErpgNMNXDO7S8b9XV3G4t4m2boBhddhVdGM/ixFYoyItb4xxc8f/C4RIxCph5npjWs',
  'P+wYB+d5X7rtUkNm6edLFgPxMvJB5JhTlxTYtmDkCQKBgQDt3lowIXN1MnMXy8xTPt1ZrSA6xFR/TZxGifM7AQ51JEz+og88VtsrkxREc2urS0',
  'RCJ4ztlaEMcLy2Z34aJxrsil7jcN1C2OglrdBRjIkiNJu6SI+03eLAr35moII1TZfrZMnSzpph5bGEdDmmxs1he+AJZP9WJgybJMFsR1iAwwKB',
  'gQDUvykhzrOEzc1TofEFevFrNo3WPE94ViVlh63zsbjp1GYcEQMdRqeSBHOAGuVGdmQthSTDWsj3eAk2g8fuiD5D61TziHYS/W1FXuP4P8tSsw',
  'kd1VXxoyklvOzWXTN53qZVIpAM4y7sIgwDhevOjJ9KLRS0tkc/K8DR9iuDtifkOQKBgQCijkjOCZ4wolh7E6A/5383kJOs9YzVLsG0hwO89/zc',
  'WwFvJmsJDkZbYfkAymvzNM2h9AtgNdhIeybL9K/9yWmh6vHrtq7OxxLm5QCvKj5xLMibpojmzpfunD/ifKBfMva2PDucn+prKqCE5zSa39NtYk',
  '15vhas1fXZdGXmzF8UJwKBgQD2Lon+VOJ852loknZ1tkz1eh88WipMz9HgwYeq3tTJjfoax1oa3S+O9SLqPK0M7twMNo+Nj31y8seiM3G1Bv5P',
  'v0iVM3jihZgfaGX/eBn7iAtAk/g4yUHxkg8z6agwf5yeyVjZl928uY91Vh83dGkGKcTTOLMW5zL7teymj9anMw==',
]);

export const OTHER_RSA_KEY = key([
  'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC4LrifpnPME+IJyl+oNO1YH0xlmONS3/J2VGq7gqevHvCtyLuDQxdgGpOF5H',
  'Yy1fxA+kwU8NB22nxxFogVnzoR8v8SSRpuvzinRSdMVT/8BAyTidk2Oj2pOzTXp+SPAnrdvqV9hI9Q2qO1VOvjbkO5YH9MaSruPRJuAQc0z4YE',
  'B5RX/dlEawjJLrRjc4Gg3BOvBf2fdaqYbEr3xZcjJleFrW02VCzlNkM6+1cbmUNtl5N2cYnLyk6BLWtgkJ2y8ljDVP+ZeRnRBsk/AUM1E/GF6B',
  'xbCwRJFUqhk06icjTlI+pk+b0AwSgFDMDX3nBRH1pc3NEp9Z57YDI5+X4rzkGXAgMBAAECggEARebtiSIaZsTREBgvj95uifhu/Uw2UpjOI9zM',
  'GVhwHcWnYL2DdUD8WSwc+z8HISoXr+2O/I+c/s7TVfRQN6yT1IYeCqmWD5whe1KCpLTiMNq0jzZNKwiVqGnhF0wQMbqmOQyHMIkj/3LLmSGe2V',
  'Va/LtD9RMhCQRCv19CheeRHGvDENyv6KBcx+9DzdbNZ5sCeZgIGItUO04SMUx9EEIPRJhKc4h8gZfrYTZcJqoVoTjoQhMlZJgDljgGlmOTHGK3',
  'gIY43vCFqKFviFBt7lqhcK6AdJDeXPBcvdWrahS4cxbMhxUubhWpW4lgiyxgBiUyh9MqGxzBCc1pguWJ/PDg+QKBgQDhP3XbEdCSXYJ7dmm/uK',
  '+1KjBB1lHMBev9nHJbR7RwrXIdmTu58c6OSPXY5yKbgPWa23lW9mmTLZLwV5f2pZTNykAYXeeBLBvZCcdbXJ/fcWoPFURhKrUKKzTjakTtDdna',
  'kj76ho/1+RK8SW5bWbjKPLuHwLQ+B7XmfO+ar/CpwwKBgQDRVACpfSsOAJdiGBBc0nuziYiDgwj1GHZitZzCF3/H1mocCnOgwszxJ2ZhfTzh4I',
  'YAhTJ6nVUJsIv4cThd76yG6lNKgAdqiyJ0BhaCCVYCTHum/1etQi+ICw6mq5U3ijp5EsLFp6b50Wfto94AYGExmdblFEC6D56cYraIVzn3nQKB',
  'gQCAcUqIWFlCDTaJppVYsTzopp0L/eV43OucG6kOKg5XrmADRszLFHr/odUnEW4nlFr5KivADhVXysYebSSHjhYTX0A7ZNjNTNS4Z54Zl/DGXo',
  'rm/O6YJd1EZizrfT6+moZe38Qv4amXzqcDXTAjwT7he85H8/gT4xuzygxrfeZTNwKBgH09DvBYrOvButC7qP6AB/aQsJZOTYumSR4hnloZiR/c',
  'zrtcHXXvVoJpmj11mnlhxYqGJn9ppjkX4YaQ5rJ89PH7PD30f3tlJwXXppvCTi0t6UUuvBwy3xE73FYnji0ejIFnkhSDi8knWlC5m9cJ0tzEN+',
  'fyyA8JzVGvVZoY5duZAoGAXwLxDvm/l2Jh5HJgFOCsiQIaAsl9sziCy6IBZds5BWrQ4x4VhE3ZhtltqpKIM2Lu5bmDb9Qe6CzWA7prnJbd7AzS',
  'PuHkkAn9Q3R2E9VDqnoU/O2iY5HHF/jxMVCwohriOnmAcNzOQqbk+URdoQTiLy18eGiGuQL1IHeq0o5/pbQ=',
]);

/** The public key of a private key, in PEM. */
export const publicKey = (key) => createPublicKey(key).export({ type: 'spki', format: 'pem' }).trim();

/** The RSA signature (PKCS #1, version 1.5) of `text` in base64. */
export const rsaSignature = (key, text, algorithm = 'sha256') => sign(algorithm, Buffer.from(text), key).toString('base64');
