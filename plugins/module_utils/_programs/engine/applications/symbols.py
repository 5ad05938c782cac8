# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The symbols of market-spread (wallaroo.md, D.5)."""

from __future__ import annotations

from pathlib import Path

_WORDS = """
AA AAL AAPL ABBV ABT ACHN ACN ADM ADXS AEO AES AET AGEN AGN AGNC AIG AKS ALL ALLY ALNY ALTR AMAT AMBA AMD AMGN AMTD
AMZN APA APC ARIA ARNA ARWR ASNA ATML ATVI ATW AVGO AVP AXP AXTA BA BAC BAX BBBY BBT BBY BCEI BEE BHI BIIB BK BKD
BMR BMRN BMY BRCD BRCM BSX BTU BURL BWC C CA CALM CAT CBI CBS CCL CELG CFG CHK CIE CIM CL CLDX CLF CLNY CLR CNC CNP
CNW CNX COG COP CPE CPN CRC CRM CSCO CSX CTL CVC CVS CVX CY CYH DAL DD DE DHI DHR DIS DNR DO DOW DSW DVN EBAY EMC
EMR ENDP EOG ESRX ESV ETN EXC EXEL F FAST FB FCX FEYE FINL FITB FNFG FOX FOXA FTR GCA GE GERN GGP GILD GIS GLNG GLW
GM GNTX GNW GOOG GPRO GPS GRPN GS HAL HBAN HCA HCBK HCP HD HDS HFC HK HL HLT HOLX HON HP HPQ HRB HRTX HST HTZ HUN
IBM ILMN INCY INSM INTC ISIS ITCI IVR JBL JBLU JCP JNJ JOY JPM KBH KERX KEY KMI KN KND KO KR LLY LNG LOW LUK LULU
LUV LVS LYB M MA MAS MAT MCD MCK MDLZ MDP MDRX MDT MDVN MEG MET MGM MHR MM MMM MNK MNKD MO MON MOS MPC MRK MRO MRVL
MS MSFT MTG MU MYGN MYL NAVI NBL NBR NE NEM NFLX NFX NI NKE NKTR NLY NOV NRF NRG NRZ NSAM NUE NVAX NVDA NWL NWSA
NYCB NYMT OAS ODP OLN ON OPK ORCL OREX OXY P PAH PEG PEP PFE PG PHM PIR PLUG PM PPHM PPL PSX PTEN QCOM QEP QRVO RAD
RAI REGN RF RRC S SBUX SCHW SD SDRL SE SIAL SIRI SLB SLH SN SNDK SO SPF SPLS SPW SRC STI STWD SUNE SVU SWFT SWKS SWN
SYMC SYY T TAP TGT THC TMO TROX TSLA TTPH TWO TWTR TXN UA UAL UNH UNP USB UTX V VIAB VLO VRTX VSTM VVUS VZ WEN WETF
WFC WFM WFT WLL WMB WMT WPX WU WYNN X XOM XON XPO XRX YHOO YUM ZIOP ZNGA ZTS
"""

BUILT_IN: tuple[str, ...] = tuple(word.rjust(4) for word in _WORDS.split())
"""The 350 symbols that market-spread knows without a file, padded with blanks on the left to four characters."""


def read_symbols(path: str) -> list[str]:
    """The symbols of a file: one a line, as it stands there, but for a weight behind a comma.

    :raises OSError: when it cannot be read.
    :raises ValueError: when it holds no symbols, or is no text.
    """
    text = Path(path).read_text(encoding="utf-8")
    found = [symbol for line in text.splitlines() if (symbol := line.split(",", 1)[0]).strip()]
    if not found:
        raise ValueError("it holds no symbols")
    return found
