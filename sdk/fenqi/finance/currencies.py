"""Active ISO 4217 codes and how many decimals each has. Metals and test codes are not money."""

from typing import Final

from fenqi.finance.errors import CurrencyError, shown

_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD "
    "CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP "
    "GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD "
    "MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP "
    "PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT "
    "TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG"
)
_ZERO = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"

EXPONENTS: Final[dict[str, int]] = {
    code: exponent
    for exponent, codes in ((2, _TWO), (0, _ZERO), (3, _THREE), (4, _FOUR))
    for code in codes.split()
}


def exponent_of(currency: str) -> int:
    """Return the number of decimals of an ISO 4217 code (JPY 0, CNY 2, KWD 3). Raises CurrencyError."""
    try:
        return EXPONENTS[currency]
    except (KeyError, TypeError):
        raise CurrencyError(
            f"{shown(currency)} is not an active ISO 4217 code",
            field="currency",
            allowed="three capital letters of an active currency, such as CNY",
        ) from None
